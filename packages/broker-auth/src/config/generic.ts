import type { ConfigTarget } from './config-target.js'

/** For a broker without endpoints of its own here: the requests that its plugin has to send. */
export function genericConfig({ plain, secret }: ConfigTarget): string {
  const header = secret === null ? '' : `\nx-broker-secret: ${secret}`
  return `# Each is answered with 200 and {"result":"allow"} or {"result":"deny"}. Whatever else comes back, and nothing
# within 5 seconds, has to be a denial in the broker too.
POST ${plain('/broker/auth')}
content-type: application/json${header}

{"username":"...","password":"...","clientid":"..."}

POST ${plain('/broker/acl')}
content-type: application/json${header}

{"username":"...","clientid":"...","topic":"...","action":"publish or subscribe"}
`
}
