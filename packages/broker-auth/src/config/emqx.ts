import { type ConfigTarget, quoted } from './config-target.js'

/** Fields of the request, each the variable that EMQX puts in: a map in its configuration language. */
const fields = (names: readonly string[]): string =>
  names.map((name) => `${name} = ${quoted(`$\{${name}}`)}`).join(', ')

/** For `emqx.conf` of EMQX 5. */
export function emqxConfig({ origin, plain, secret }: ConfigTarget): string {
  const headers = ['content-type = "application/json"']
  if (secret !== null) headers.push(`x-broker-secret = ${quoted(secret)}`)
  const http = (endpoint: string, names: readonly string[]) => `enable = true
    method = post
    url = ${quoted(plain(endpoint))}
    headers { ${headers.join(', ')} }
    body { ${fields(names)} }
    request_timeout = "5s"`
  const eventsPath = plain('/emqx/events').slice(origin.length)

  return `# emqx.conf. Take out every other entry of \`authentication\` and \`authorization.sources\`: one more that
# allows is enough. Without an entry in \`authentication\` EMQX lets everybody in.
authentication = [
  {
    mechanism = password_based
    backend = http
    ${http('/emqx/authn', ['username', 'password', 'clientid'])}
  }
]

authorization {
  # The default is allow, and the file source that comes with EMQX ends by allowing everything.
  no_match = deny
  deny_action = ignore
  # A revoked device goes on for as long.
  cache { enable = true, max_size = 32, ttl = "10s" }
  sources = [
  {
    type = http
    ${http('/emqx/authz', ['username', 'clientid', 'topic', 'action', 'qos', 'retain'])}
  }
  ]
}

# Connections and their ends, for the presence of devices.
connectors.http.devicehub {
  url = ${quoted(origin)}
  headers { ${headers.join(', ')} }
}
actions.http.devicehub_presence {
  connector = devicehub
  parameters {
    method = post
    path = ${quoted(eventsPath)}
    headers { ${headers.join(', ')} }
  }
}
rule_engine.rules.devicehub_presence {
  sql = ${quoted('SELECT * FROM "$events/client_connected", "$events/client_disconnected"')}
  actions = ["http:devicehub_presence"]
}
`
}
