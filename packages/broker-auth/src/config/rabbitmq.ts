import type { ConfigTarget } from './config-target.js'

/** For `rabbitmq.conf` and `enabled_plugins`. */
export function rabbitMqConfig({ address, vhost }: ConfigTarget): string {
  return `# enabled_plugins:
#   [rabbitmq_mqtt,rabbitmq_auth_backend_http].
#
# rabbitmq.conf. The paths hold the secret: keep the file readable for RabbitMQ alone.
mqtt.allow_anonymous = false
mqtt.vhost = ${vhost}
mqtt.exchange = amq.topic
# No \`auth_backends.2\`, and none before this one: the internal users would get in beside it.
auth_backends.1 = http
# With GET the passwords are in the logs of every proxy.
auth_http.http_method = post
auth_http.user_path = ${address('/rabbitmq/user')}
auth_http.vhost_path = ${address('/rabbitmq/vhost')}
auth_http.resource_path = ${address('/rabbitmq/resource')}
auth_http.topic_path = ${address('/rabbitmq/topic')}
`
}
