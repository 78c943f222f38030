import { createDeviceHub, defineDeviceType, reading, silentLogger } from '@devicehub/core'
import { describeWith, waitUntil } from '@devicehub/test-kit'
import { connectAsync } from 'mqtt'
import { expect, test } from 'vitest'
import { createMqttListener } from '../index.js'

const Station = defineDeviceType('station', { readings: { temperature: reading.float() } })

describeWith(['mosquitto'], 'data that the broker keeps', ({ mosquitto }) => {
  test.each([4, 5] as const)(
    'MQTT version %d: each restart of a clean listener gets it again, it is stored once and is no sign of life',
    async (protocolVersion) => {
      const { url } = mosquitto()
      const topicPrefix = `kept-${protocolVersion}`
      const device = await connectAsync(url)
      const keep = (channel: string, payload: object) =>
        device.publishAsync(`${topicPrefix}/station/s1/${channel}`, JSON.stringify(payload), {
          qos: 1,
          retain: true,
        })
      await keep('data', { temperature: 21 })
      await keep('status', { status: 'online' })
      await using hub = createDeviceHub({ types: [Station], topicPrefix, logger: silentLogger })
      await hub.devices.create(Station, { deviceId: 's1' })
      const ofDevice = async () => (await hub.messages.list(Station)).items
      for (let start = 1; start <= 3; start++) {
        await using listener = createMqttListener(hub, {
          url,
          clientId: `kept-${protocolVersion}`,
          cleanStart: true,
          protocolVersion,
        })
        await listener.start()
        await waitUntil('what is kept', async () => (await ofDevice()).length >= start * 2)
        await listener.stop()
      }
      const messages = await ofDevice()
      expect(messages.every(({ retained, flags }) => retained && flags === 'retained')).toBe(true)
      expect(messages.filter(({ channel }) => channel === 'data').map(({ status }) => status)).toEqual([
        'duplicate',
        'duplicate',
        'processed',
      ])
      expect((await hub.readings.list(Station)).items).toMatchObject([
        { readings: { temperature: 21 }, flags: ['retained'] },
      ])
      expect(await hub.devices.get(Station, 's1')).toMatchObject({ status: 'offline', lastSeen: null })
      // A live publication does not come with the flag, though the publisher sets it.
      await using listener = createMqttListener(hub, {
        url,
        clientId: `kept-${protocolVersion}`,
        cleanStart: true,
        protocolVersion,
      })
      await listener.start()
      await keep('data', { temperature: 22 })
      await waitUntil('the device is online', async () => {
        return (await hub.devices.get(Station, 's1'))?.status === 'online'
      })
      await device.endAsync()
    },
  )
})
