import { createDeviceHub, defineDeviceType, type Logger, reading, silentLogger } from '@devicehub/core'
import { createRawClient, describeWith, waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { createMqttListener } from '../index.js'

const Station = defineDeviceType('station', { readings: { level: reading.float() } })
const Pump = defineDeviceType('pump', { readings: { level: reading.float() } })

describeWith(['mosquitto'], 'a session with the subscriptions of another program', ({ mosquitto }) => {
  test('is told of once, with what to do; one of its own is not', async () => {
    const { port, url } = mosquitto()
    const lines: string[] = []
    const say = (_fields: object, message?: string) => void lines.push(message ?? '')
    const logger: Logger = { ...silentLogger, warn: say }
    const strays = () => lines.filter((line) => line.includes('did not subscribe to'))
    const device = await createRawClient({ port })

    async function run(type: typeof Station | typeof Pump, topics: readonly string[], endSession = false) {
      await using hub = createDeviceHub({ types: [type], logger, unknownDevice: 'register' })
      await hub.storage.migrate()
      await using listener = createMqttListener(hub, { url, clientId: 'shared-by-mistake' })
      await listener.start()
      for (const topic of topics) await device.publish(topic, '{"level":1}')
      await waitUntil('all', () => listener.stats().acknowledged === topics.length)
      if (endSession) await listener.stop({ endSession: true })
    }

    const ofStation = 'things/station/a/data'
    await run(Station, [ofStation])
    await run(Station, [ofStation])
    expect(strays()).toEqual([])
    await run(Pump, ['things/pump/a/data', ofStation, ofStation], true)
    expect(strays()).toEqual([
      expect.stringMatching(/"shared-by-mistake" .*earlier program.*clientId of its own.*endSession: true/),
    ])
    // The session is gone, and the other program's subscriptions with it.
    await run(Pump, ['things/pump/a/data'], true)
    expect(strays()).toHaveLength(1)
    await device.disconnect()
  })
})
