/** Options of `brokerConfig`. */
export interface BrokerConfigOptions {
  /** Where the broker reaches the handler, up to where it is mounted: `http://10.0.0.5:8081/broker-auth`. */
  readonly url: string
  /** The option `secret` of `createBrokerAuth`; left out for endpoints that are public. */
  readonly secret?: string
  /** RabbitMQ's; default `/`, as in the option `rabbitmq` of `createBrokerAuth`. */
  readonly vhost?: string
}
