import type { Duration, Principal } from '@devicehub/core'
import type { RabbitMqOptions } from './brokers/rabbitmq.js'
import type { AccessRequest, Account } from './decision.js'

/** A client that is no device, with its password: several while one replaces the other. At least 16 characters each. */
export interface StaticAccount extends Account {
  /** From `openssl rand -hex 32`. Compared in constant time, never logged. */
  readonly password: string | readonly string[]
}

/** What `accounts` is asked with, when it is a function. */
export interface AccountLogin {
  /** As the client gave it; no device has it. */
  readonly username: string
  /**
   * Null: the client is connected already and was asked for; what may it do? Return its account, or null when it has
   * none any more. Only a login has a password.
   */
  readonly password: string | null
  /** Undefined: the broker did not say. */
  readonly clientId: string | undefined
}

/** Null: there is no such account, or the password is wrong. Throwing denies. */
export type AccountLookup = (login: AccountLogin) => Account | null | Promise<Account | null>

/** True allows; anything else, a throw or a time-out denies. */
export type AccessRule = (request: AccessRequest, principal: Principal) => boolean | Promise<boolean>

/** Whether a device may connect with that client id. */
export type ClientIdRule = (principal: Principal, clientId: string) => boolean

/** Who may connect, publish and subscribe. */
export interface DeciderOptions {
  /**
   * Clients that are no devices: by user name, or a function that looks them up, asked for user names that no device has.
   * Default: none.
   */
  readonly accounts?: Readonly<Record<string, StaticAccount>> | AccountLookup
  /** How long what the function returned is remembered; default 1 min. */
  readonly accountsFor?: Duration
  /**
   * The client ids of a device. `username` (the default): its user name alone, so that nobody takes over the session of
   * another. `any` is for brokers that do not tell client ids, and for those that bind them themselves.
   */
  readonly clientId?: 'username' | 'any' | ClientIdRule
  /** Asked for what a device wants beyond its own topics. Default: denied. */
  readonly rules?: AccessRule
  /** Decisions at once; default 10,000. Past it the answer is no. */
  readonly maxPending?: number
  /** How long a decision may take; default 3 s, below what brokers wait. Past it the answer is no. */
  readonly timeout?: Duration
}

/** Who may ask: the brokers. */
export interface CallerOptions {
  /**
   * Shared with the brokers, at least 16 characters, from `openssl rand -hex 32`: in the header `authorization: Bearer`
   * or `x-broker-secret`, or as the first level of the path. Several while one replaces the other.
   */
  readonly secret?: string | readonly string[]
  /** Written out, the endpoints answer callers without a secret: for a network that only the broker reaches. */
  readonly public?: boolean
  /** Addresses and CIDR ranges that may call, beside the secret. Default: any. */
  readonly allow?: readonly string[]
}

/** Options of `createBrokerAuth`. */
export interface BrokerAuthOptions extends DeciderOptions, CallerOptions {
  /** Bytes of a request; default 2 MiB: VerneMQ sends the payload of each publication along. */
  readonly maxBody?: number
  /** RabbitMQ's virtual host, when it is not `/`. */
  readonly rabbitmq?: RabbitMqOptions
}
