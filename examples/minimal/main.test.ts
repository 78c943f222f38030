import { createRawClient, describeWith, waitUntil } from '@devicehub/test-kit'
import { expect, test, vi } from 'vitest'

describeWith(['mosquitto', 'sqlite'], 'the minimal example', ({ mosquitto }) => {
  test('stores what a device sends, prints it, and keeps what it refuses', async () => {
    const said = vi.spyOn(console, 'log').mockImplementation(() => {})
    vi.stubEnv('MQTT_URL', mosquitto().url)
    vi.stubEnv('DATABASE', ':memory:')
    const { hub, Thermometer } = await import('./main.js')
    await using device = await createRawClient({ port: mosquitto().port })

    await device.publish('things/thermometer/KITCHEN/data', '{"temperature": 21.5, "id": "a"}', { qos: 1 })
    await device.publish('things/thermometer/KITCHEN/data', '{"temperature": "warm"}', { qos: 1 })
    const messages = await waitUntil('both messages', async () => {
      const { items } = await hub.messages.list(Thermometer)
      return items.length === 2 ? items : undefined
    })

    expect(messages.map(({ status, code }) => [status, code])).toEqual([
      ['rejected', 'invalid_type'],
      ['processed', null],
    ])
    const { items } = await hub.readings.list(Thermometer, { deviceId: 'KITCHEN' })
    expect(items).toMatchObject([{ sampleId: 'a', readings: { temperature: 21.5 } }])
    expect(await hub.devices.get(Thermometer, 'KITCHEN')).toMatchObject({ status: 'online' })
    await vi.waitFor(() => expect(said).toHaveBeenCalledWith('KITCHEN: 21.5 °C'), 30_000)

    await hub.close()
  })
})
