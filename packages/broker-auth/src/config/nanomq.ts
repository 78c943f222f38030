import { type ConfigTarget, quoted } from './config-target.js'

/** For `nanomq.conf`. */
export function nanoMqConfig({ address }: ConfigTarget): string {
  const request = (name: string, endpoint: string, params: string) => `    ${name} {
      url = ${quoted(address(endpoint))}
      method = "POST"
      headers.content-type = "application/x-www-form-urlencoded"
      params = { ${params} }
    }`
  const who = 'clientid = "%c", username = "%u"'
  return `# nanomq.conf. The addresses hold the secret: keep the file readable for NanoMQ alone. Take out \`password\` and
# \`acl\` of \`auth\`, and whatever they include.
auth {
  # The defaults are true and allow.
  allow_anonymous = false
  no_match = deny
  deny_action = disconnect
  http_auth = {
${request('auth_req', '/nanomq/auth', `${who}, password = "%P"`)}
${request('super_req', '/nanomq/super', `${who}, password = "%P"`)}
${request('acl_req', '/nanomq/acl', `${who}, access = "%A", topic = "%t"`)}
    timeout = 5s
    connect_timeout = 5s
    pool_size = 32
  }
}

# Connections and their ends, for the presence of devices.
webhook {
  url = ${quoted(address('/nanomq/events'))}
  headers.content-type = "application/json"
  body.encoding = plain
  pool_size = 32
  events = [
    { event = "on_client_connack" }
    { event = "on_client_disconnected" }
  ]
}
`
}
