import { createDeviceClient } from '@devicehub/client'
import { createRawClient, describeWith, waitUntil } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { DEVICE, openStage, topicOf, WeatherStation } from './stage.js'

describeWith(['mosquitto', 'sqlite'], 'desired and reported state', ({ mosquitto }) => {
  describe.each([5, 4] as const)('MQTT version %i', (protocolVersion) => {
    test('a device that was away for five versions converges with one message', async () => {
      const { url, port } = mosquitto()
      await using stage = await openStage({ url, protocolVersion })
      const twins = stage.hub.twin(WeatherStation)
      const received: unknown[] = []
      const connect = async () => {
        const device = createDeviceClient(WeatherStation, { url, deviceId: DEVICE, protocolVersion })
        device.twin.onDesired((desired, { version }) => void received.push([version, desired]))
        await device.connect()
        return device
      }
      // It has a session with the broker, and goes away.
      await twins.setDesired(DEVICE, { interval: 60 })
      const before = await connect()
      await waitUntil('the first report', async () => (await twins.get(DEVICE))?.reportedVersion === 1)
      await before.close()
      for (const interval of [1, 2, 3, 4, 5]) {
        const { version } = await twins.setDesired(DEVICE, { interval })
        await waitUntil(
          'the publication',
          async () => (await twins.get(DEVICE))?.publishedVersion === version,
        )
      }
      const device = await connect()
      await waitUntil('the report', async () => (await twins.get(DEVICE))?.reportedVersion === 6)
      expect(await twins.get(DEVICE)).toMatchObject({ version: 6, delta: {}, reported: { interval: 5 } })
      expect(received).toEqual([
        [1, { interval: 60 }],
        [6, { interval: 5 }],
      ])
      await device.close()

      await using observer = await createRawClient({ port })
      const seen = () =>
        observer.received.flatMap((packet) => (packet.cmd === 'publish' ? [packet.payload.toString()] : []))
      await observer.subscribe(topicOf('desired'))
      await waitUntil('what is retained', () => seen().length > 0)
      await stage.hub.devices.delete(WeatherStation, DEVICE)
      await waitUntil('what is retained to go', () => seen().includes(''))
      expect(seen()).toEqual(['{"desired":{"interval":5},"version":6}', ''])
    })

    test('a late report does not take the device back', async () => {
      const { url, port } = mosquitto()
      await using stage = await openStage({ url, protocolVersion })
      const twins = stage.hub.twin(WeatherStation)
      await using device = await createRawClient({ port })
      const at = (seconds: number) => new Date(Date.now() - 60_000 + seconds * 1000).toISOString()
      const report = (value: object) => device.publish(topicOf('state'), JSON.stringify(value), { qos: 1 })
      await report({ reported: { interval: 3 }, version: 3, timestamp: at(3) })
      await report({ reported: { interval: 2 }, version: 2, timestamp: at(9) })
      await report({ reported: { interval: 1, recording_mode: 'burst' }, version: 3, timestamp: at(1) })
      await waitUntil('all reports', async () => {
        const { items } = await stage.hub.messages.list(WeatherStation, { channel: 'state' })
        return items.length === 3
      })
      expect(await twins.get(DEVICE)).toMatchObject({ reported: { interval: 3, recording_mode: 'burst' } })
    })
  })
})
