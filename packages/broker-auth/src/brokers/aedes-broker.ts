/** What is used of an Aedes client: the types of this package do not require Aedes. */
export interface AedesClient {
  /** The client id. */
  readonly id: string
  /** Ends the connection. */
  close(): void
}

/** What is used of an Aedes broker. */
export interface AedesBroker {
  /** Adds a listener of an event. */
  on(
    event: 'client' | 'clientDisconnect' | 'keepaliveTimeout',
    listener: (client: AedesClient) => void,
  ): unknown
  /** Removes it. */
  off(
    event: 'client' | 'clientDisconnect' | 'keepaliveTimeout',
    listener: (client: AedesClient) => void,
  ): unknown
}
