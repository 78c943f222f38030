/** Where a broker finds the endpoints. */
export interface ConfigTarget {
  /** Host and port, without the path. */
  readonly origin: string
  /** The host alone. */
  readonly host: string
  /** The port alone; 80 or 443 when the address says none. */
  readonly port: string
  /** Whether the address is https. */
  readonly tls: boolean
  /** The path of an endpoint, the secret within it. */
  path(endpoint: string): string
  /** The whole address, the secret within it. */
  address(endpoint: string): string
  /** The whole address without the secret, for brokers that send it in a header. */
  plain(endpoint: string): string
  /** Null: the endpoints are public. */
  readonly secret: string | null
  /** RabbitMQ's. */
  readonly vhost: string
}

/** A text in the quotes of HOCON, which are those of JSON. */
export const quoted = (text: string): string => JSON.stringify(text)
