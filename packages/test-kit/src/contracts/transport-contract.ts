import { describe } from 'vitest'
import { inboundContract } from './transport/inbound.js'
import { outboundContract } from './transport/outbound.js'
import { stopContract } from './transport/stopping.js'
import type { TransportHarness } from './transport/world.js'

export { type HeldIngest, type HeldMessage, holdIngest } from './transport/held-ingest.js'
export { connectRaw, type RawClient, type RawClientOptions } from './transport/raw-client.js'
export { openWireTap, type WireTap } from './transport/wire-tap.js'
export type { TransportHarness } from './transport/world.js'

/**
 * The tests that every implementation of the transport port over MQTT passes. Call it in a vitest file.
 *
 * @example
 * import type { Ingest, Transport } from '@devicehub/core/transport'
 * import { describeWith, transportContract } from '@devicehub/test-kit'
 *
 * declare function myTransport(options: { url: string; ingest: Ingest; clientId: string }): Transport
 *
 * describeWith({ mosquitto: 'own' }, 'at mosquitto', ({ mosquitto }) => {
 *   transportContract('mine', {
 *     startBroker: () => mosquitto.start({ persistence: false }),
 *     createTransport: ({ url, ingest }) => myTransport({ url, ingest, clientId: 'contract' }),
 *     topic: (name) => `things/station/${name}/data`,
 *   })
 * })
 */
export function transportContract(name: string, harness: TransportHarness): void {
  describe(`transport contract: ${name}`, () => {
    inboundContract(harness)
    outboundContract(harness)
    stopContract(harness)
  })
}
