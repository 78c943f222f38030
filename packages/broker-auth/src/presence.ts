/** A broker says that a client came or went. */
export interface PresenceEvent {
  /** `emqx`; the source of the event is `broker:emqx` then. */
  readonly broker: string
  readonly event: 'connected' | 'disconnected'
  /** The user name of its login. Where the broker does not say it: its client id, which is the user name by default. */
  readonly username: string
  /** By the broker's clock, epoch milliseconds; default now. */
  readonly at?: number | undefined
  /** When the connection began that it is of, epoch milliseconds. */
  readonly connectedAt?: number | undefined
  readonly reason?: string | undefined
}

export interface Presence {
  /**
   * Reports to `hub.sessions`. `ignored`: it is no device, or the end of a session that goes on elsewhere. Never throws:
   * `failed` when it could not be written, so that the broker is told to come again, where it does.
   */
  report(event: PresenceEvent): Promise<'reported' | 'ignored' | 'failed'>
}
