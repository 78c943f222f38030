import type { DeviceHub } from '@devicehub/core'
import { subscribePatterns } from '@devicehub/core/definition'
import { INBOUND_CHANNELS, OUTBOUND_CHANNELS } from '@devicehub/core/transport'
import type { Account } from './decision.js'
import { acceptGranting } from './option-rules.js'

/**
 * What the hub's own listener needs: to receive what all devices send, also in a shared subscription, and to publish
 * commands and desired state.
 *
 * @example
 * import { createBrokerAuth, listenerGrants } from '@devicehub/broker-auth'
 * import { hub } from './hub.js'
 *
 * const password = process.env.HUB_PASSWORD ?? ''
 * createBrokerAuth(hub, { accounts: { hub: { ...listenerGrants(hub), password, clientId: 'ingest-*' } } })
 */
export function listenerGrants(
  given: Pick<DeviceHub, 'types' | 'topicPrefix'>,
): Pick<Account, 'publish' | 'subscribe'> & { readonly shared: true } {
  const hub = acceptGranting(given)
  const concrete = hub.types.filter((type) => !type.abstract)
  const filters = (channels: Parameters<typeof subscribePatterns>[1]) =>
    concrete.flatMap((type) => subscribePatterns(type, { ...channels, prefix: hub.topicPrefix }))
  return {
    publish: filters({ channels: OUTBOUND_CHANNELS }),
    subscribe: filters({ channels: INBOUND_CHANNELS }),
    shared: true,
  }
}
