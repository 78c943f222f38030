import type { ConfigTarget } from './config-target.js'

/** Each is registered by its name and, but for the last ones, for MQTT 5 beside it. */
const HOOKS = [
  'auth_on_register',
  'auth_on_register_m5',
  'auth_on_publish',
  'auth_on_publish_m5',
  'auth_on_subscribe',
  'auth_on_subscribe_m5',
  'on_register',
  'on_register_m5',
  'on_client_wakeup',
  'on_client_offline',
  'on_client_gone',
]

/** For `vernemq.conf`. */
export function verneMqConfig({ address }: ConfigTarget): string {
  const hooks = HOOKS.map(
    (hook, index) => `vmq_webhooks.devicehub${index + 1}.hook = ${hook}
vmq_webhooks.devicehub${index + 1}.endpoint = ${address('/vernemq')}`,
  )
  return `# vernemq.conf. The endpoint holds the secret: keep the file readable for VerneMQ alone.
allow_anonymous = off
# One more plugin that allows is enough, and the ACL file that comes with VerneMQ does.
plugins.vmq_passwd = off
plugins.vmq_acl = off
plugins.vmq_webhooks = on
${hooks.join('\n')}
`
}
