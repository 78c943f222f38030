/** A client of Aedes, as far as it is looked at: Aedes need not be installed for the types of this package. */
export interface AedesClient {
  /** The client id. */
  readonly id: string
  /** Ends the connection. */
  close(): void
}

/** An Aedes broker, as far as it is listened to. */
export interface AedesBroker {
  /** Calls the listener at each such event. */
  on(
    event: 'client' | 'clientDisconnect' | 'keepaliveTimeout',
    listener: (client: AedesClient) => void,
  ): unknown
  /** Takes it away again. */
  off(
    event: 'client' | 'clientDisconnect' | 'keepaliveTimeout',
    listener: (client: AedesClient) => void,
  ): unknown
}
