import { describe, expect, test } from 'vitest'
import { createDeviceHub } from '../hub/create-device-hub.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { type LogFields, type Logger, silentLogger } from '../ports/logger.js'

const Station = defineDeviceType('station', { readings: { temperature: reading.float() } })

async function setUp(devices = 1) {
  const lines: { fields: LogFields; text: string }[] = []
  let now = Date.parse('2026-05-01T12:00:00Z')
  const logger: Logger = {
    ...silentLogger,
    warn: (fields, text = '') => void lines.push({ fields, text }),
  }
  const hub = createDeviceHub({ types: [Station], logger, clock: { now: () => now } })
  for (let n = 0; n < devices; n++) await hub.devices.create(Station, { deviceId: `s${n}` })
  return {
    hub,
    lines,
    later(ms: number) {
      now += ms
    },
    send: (topic: string, ...payloads: string[]) =>
      hub.ingest(
        payloads.map((payload) => ({ topic, payload: Buffer.from(payload), source: 'test', qos: 1 })),
      ),
  }
}

describe('messages that are refused', () => {
  test('are a line a device and code a minute, with how to see all of them', async () => {
    const { hub, lines, send, later } = await setUp(2)
    await send('things/station/s0/data', '{', '{', '{')
    await send('things/station/s0/data', '{"temperature":"hot"}')
    await send('things/station/s1/data', '{')
    await send('somewhere/else', '1', '2')
    expect(lines).toHaveLength(4)
    expect(lines[0]).toEqual({
      fields: {
        type: 'station',
        deviceId: 's0',
        topic: 'things/station/s0/data',
        code: 'invalid_json',
        reason: expect.any(String),
      },
      text: "a message of station/s0 is rejected (invalid_json); all of them: hub.messages.list(Type, { deviceId: 's0', status: 'rejected' })",
    })
    expect(lines[3]?.text).toMatch(/hub\.messages\.list\(null, \{ status: 'quarantined' \}\)/)
    // What the line says works.
    expect((await hub.messages.list(Station, { deviceId: 's0', status: 'rejected' })).items).toHaveLength(4)
    expect((await hub.messages.list(null, { status: 'quarantined' })).items).toHaveLength(2)

    later(59_000)
    await send('things/station/s0/data', '{')
    expect(lines).toHaveLength(4)
    later(1_000)
    await send('things/station/s0/data', '{')
    expect(lines).toHaveLength(5)
    expect(lines[4]).toMatchObject({
      fields: { suppressed: 3 },
      text: expect.stringContaining(', and 3 before it'),
    })
    await hub.close()
  })

  test('cost nothing where all is well, and show no control characters', async () => {
    const { hub, lines, send } = await setUp()
    await send('things/station/s0/data', '{"temperature":1}', '{"temperature":2}')
    expect(lines).toEqual([])
    await send('things/\u001b[31m\n/x/data', '1')
    expect(JSON.stringify(lines)).not.toMatch(/\\u001b|\\n/)
    await hub.close()
  })

  test('of very many devices are not a flood: so many lines a minute, and one that says so', async () => {
    const { hub, lines, send, later } = await setUp(0)
    const flood = async () => {
      for (let n = 0; n < 2_500; n++) await send(`things/station/unknown-${n}/data`, '{}')
    }
    await flood()
    expect(lines).toHaveLength(2_001)
    expect(lines.at(-1)?.text).toMatch(/more than 2000 devices/)
    later(60_000)
    await send('things/station/one-more/data', '{}')
    expect(lines.at(-1)?.fields).toMatchObject({ deviceId: 'one-more' })
    await hub.close()
  })
})
