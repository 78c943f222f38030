import { silentLogger } from '@devicehub/core'
import { noMetrics, systemClock } from '@devicehub/core/transport'
import { describeWith, transportContract } from '@devicehub/test-kit'
import { createMqttListener } from '../index.js'
import { Station } from '../testing/station.js'

describeWith({ mosquitto: 'own' }, 'at mosquitto', ({ mosquitto }) => {
  for (const protocolVersion of [4, 5] as const) {
    transportContract(`mqtt-listener, protocol version ${protocolVersion}`, {
      startBroker: () => mosquitto.start({ persistence: false }),
      createTransport({ url, ingest }) {
        const hub = {
          types: [Station],
          topicPrefix: 'things',
          ingest,
          quarantine: async () => {},
          attach: () => () => {},
          attachHandler: () => () => {},
          logger: silentLogger,
          metrics: noMetrics,
          clock: systemClock,
        }
        const reconnect = { min: '100ms' } as const
        return createMqttListener(hub, {
          url,
          protocolVersion,
          clientId: 'contract',
          sharedGroup: false,
          qos: 2,
          reconnect,
        })
      },
      topic: (name) => `things/station/${name}/data`,
    })
  }
})
