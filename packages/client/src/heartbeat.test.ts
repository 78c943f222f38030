import { defineDeviceType, reading } from '@devicehub/core/definition'
import { expect, test } from 'vitest'
import { startCommandWorld } from './testing/command-world.js'

const WAIT = { timeout: 60_000, interval: 5 }
const Sensor = defineDeviceType('sensor', { heartbeatInterval: 0.3, readings: { value: reading.float() } })

const statuses = (broker: Awaited<ReturnType<typeof startCommandWorld>>['broker']) =>
  broker.packets.flatMap((packet) =>
    packet.cmd === 'publish' && packet.topic.endsWith('/status') ? [JSON.parse(String(packet.payload))] : [],
  )

test('a device that sends nothing repeats its status at the interval of its type', async () => {
  await using it = await startCommandWorld(Sensor)
  await it.client.connect()
  await it.client.reportStatus({ status: 'low_battery', batteryLevel: 3 })
  const report = { status: 'low_battery', battery_level: 3 }
  await expect.poll(() => statuses(it.broker), WAIT).toEqual([{ status: 'online' }, report, report, report])
})

test('the option goes before the type, and a new connection goes on with it', async () => {
  await using it = await startCommandWorld(defineDeviceType('slow', { heartbeatInterval: 3600 }), {
    heartbeat: 0.2,
  })
  await it.client.connect()
  await expect.poll(() => statuses(it.broker).length, WAIT).toBe(3)
  it.broker.cut()
  await expect.poll(() => it.client.stats().connections, WAIT).toBe(2)
  const before = statuses(it.broker).length
  await expect.poll(() => statuses(it.broker).length, WAIT).toBeGreaterThanOrEqual(before + 2)
})

test('a device that sends anything else sends no heartbeats, and with false none at all', async () => {
  await using busy = await startCommandWorld(Sensor, { heartbeat: 1 })
  await using mute = await startCommandWorld(Sensor, { heartbeat: false })
  await using clock = await startCommandWorld(Sensor, { heartbeat: 0.2 })
  await Promise.all([busy, mute, clock].map(({ client }) => client.connect()))
  // Three of its intervals and more.
  while (statuses(clock.broker).length < 17) await busy.client.record({ value: 1 })
  expect(statuses(busy.broker)).toHaveLength(1)
  expect(statuses(mute.broker)).toHaveLength(1)
  await expect.poll(() => statuses(busy.broker).length, WAIT).toBe(2)
})

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY])('heartbeat: %s is refused', async (heartbeat) => {
  await expect(startCommandWorld(Sensor, { heartbeat })).rejects.toMatchObject({ code: 'invalid_options' })
})
