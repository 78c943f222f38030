import type { Duration, Principal } from '@devicehub/core'
import type { RabbitMqOptions } from './brokers/rabbitmq.js'
import type { AccessRequest, Account } from './decision.js'

/** An account with its password, or several while one replaces the other. At least 16 characters each. */
export interface StaticAccount extends Account {
  /** From `openssl rand -hex 32`. Compared in constant time, never logged. */
  readonly password: string | readonly string[]
}

/** The argument of `accounts`, when it is a function. */
export interface AccountLogin {
  /** As the client sent it; no device has it. */
  readonly username: string
  /**
   * Null: the client is connected already, and the question is about a topic. Return its account, or null when there is
   * none any more. Only a login has a password.
   */
  readonly password: string | null
  /** Undefined: the broker did not send it. */
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
   * Clients that are not devices: by user name, or a function that finds them, called for user names that no device has.
   * Default: none.
   */
  readonly accounts?: Readonly<Record<string, StaticAccount>> | AccountLookup
  /** How long what the function returned is remembered; default 1 min. */
  readonly accountsFor?: Duration
  /**
   * The client ids of a device. `username` (the default): its user name alone, so that no device takes over the session of
   * another. `any` is for brokers that do not send client ids, and for those that check them themselves.
   */
  readonly clientId?: 'username' | 'any' | ClientIdRule
  /** Called for topics that are not the device's own. Default: denies. */
  readonly rules?: AccessRule
  /**
   * Decisions that run at once; default 10,000. One user name may take a tenth of them (16 in any case, but never all), so that
   * a flood of it leaves the others their place. Beyond it the answer is a denial.
   */
  readonly maxPending?: number
  /** How long a decision may take; default 3 s, less than brokers wait. After that the answer is a denial. */
  readonly timeout?: Duration
}

/** Which callers are answered: the brokers. */
export interface CallerOptions {
  /**
   * Shared with the brokers, at least 16 characters, from `openssl rand -hex 32`: in the header `authorization: Bearer`
   * or `x-broker-secret`, or as the first level of the path. Several while one replaces the other.
   */
  readonly secret?: string | readonly string[]
  /** True: callers without a secret are answered. For a network that only the broker reaches. */
  readonly public?: boolean
  /** Addresses and CIDR ranges of callers; they need the secret too. Default: any. */
  readonly allow?: readonly string[]
}

/** Options of `createBrokerAuth`. */
export interface BrokerAuthOptions extends DeciderOptions, CallerOptions {
  /** Bytes of a request; default 2 MiB: VerneMQ sends the payload of each publication. */
  readonly maxBody?: number
  /** RabbitMQ's virtual host, when it is not `/`. */
  readonly rabbitmq?: RabbitMqOptions
}
