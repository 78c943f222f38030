/** Where a broker finds the endpoints. */
export interface ConfigTarget {
  /** Host and port, without the path. */
  readonly origin: string
  readonly host: string
  readonly port: string
  readonly tls: boolean
  /** The path of an endpoint, the secret within it. */
  path(endpoint: string): string
  /** The whole address, the secret within it. */
  address(endpoint: string): string
  /** The whole address without the secret, for brokers that send it in a header. */
  plain(endpoint: string): string
  readonly secret: string | null
  /** RabbitMQ's. */
  readonly vhost: string
}

/** A text in the quotes of HOCON, which are those of JSON. */
export const quoted = (text: string): string => JSON.stringify(text)
