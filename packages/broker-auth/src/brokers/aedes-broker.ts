/** A client of Aedes, as far as it is looked at: Aedes need not be installed for the types of this package. */
export interface AedesClient {
  readonly id: string
  close(): void
}

/** An Aedes broker, as far as it is listened to. */
export interface AedesBroker {
  on(
    event: 'client' | 'clientDisconnect' | 'keepaliveTimeout',
    listener: (client: AedesClient) => void,
  ): unknown
  off(
    event: 'client' | 'clientDisconnect' | 'keepaliveTimeout',
    listener: (client: AedesClient) => void,
  ): unknown
}
