import type { Principal } from '@devicehub/core'

/** A client wants to connect. */
export interface LoginRequest {
  /** As the client gave it. */
  readonly username: string
  /** As the client gave it. Never logged. */
  readonly password: string
  /** Undefined: the broker did not send it; then the login of a device is denied unless `clientId: 'any'`. */
  readonly clientId: string | undefined
}

/** A client wants to publish to a topic (a will too), or to subscribe with a filter. */
export interface AccessRequest {
  /** The user name of the login. */
  readonly username: string
  /** Undefined: the broker did not send it. */
  readonly clientId: string | undefined
  /** Publish or subscribe. */
  readonly action: 'publish' | 'subscribe'
  /** For `subscribe` the filter as the client sent it, with `$share/<group>/`. */
  readonly topic: string
}

/** The answer to a question. `reason` is for logs and tests, never for the client; it contains no secret. */
export interface Decision {
  /** True allows, false denies. */
  readonly allow: boolean
  /** One word or a few, such as `granted`. */
  readonly reason: string
}

/** The answer to a login. */
export interface LoginDecision extends Decision {
  /** Who has logged in; null for an account. */
  readonly principal: Principal | null
  /** What the client may do, for brokers that take the rules with the login. Nothing else is allowed, unless `partial`. */
  readonly grants: Grants | null
  /** True: `rules` may allow more than the grants, so the broker has to ask about each topic. */
  readonly partial?: boolean
}

/** What a client may publish and subscribe to. */
export interface Grants {
  /** Filters of topics it may publish to. */
  readonly publish: readonly string[]
  /** Filters, each of which contains every filter it may subscribe to. */
  readonly subscribe: readonly string[]
}

/** A client that is not a device: the listener, a dashboard, a claim. */
export interface Account extends Grants {
  /** The only client id it may use, or a prefix followed by `*`. Default: any. */
  readonly clientId?: string
  /** Whether it may subscribe through `$share/<group>/`. Default false. */
  readonly shared?: boolean
}

/** Topics of one SUBSCRIBE: a question with more of them is denied as a whole. */
export const MAX_TOPICS = 1_000

/** One core for all brokers. Never throws: what cannot be decided is denied, in time. */
export interface Decider {
  /** Whether a client may connect. */
  login(request: LoginRequest): Promise<LoginDecision>
  /** Whether it may publish to a topic, or subscribe with a filter. */
  access(request: AccessRequest): Promise<Decision>
  /** Several of one client at once (a SUBSCRIBE), in order; all of them denied when there are more than 1,000. */
  accessAll(requests: readonly AccessRequest[]): Promise<readonly Decision[]>
}
