import { describe, expect, test } from 'vitest'
import { createDeviceHub } from '../hub/create-device-hub.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { type LogFields, type Logger, silentLogger } from '../ports/logger.js'
import type { Metrics } from '../ports/metrics.js'

const START = Date.parse('2026-05-01T12:00:00Z')

async function setUp() {
  const lines: { fields: LogFields; text: string }[] = []
  const heard: { flags: readonly string[]; row: string | null }[] = []
  const counted = new Map<string, number>()
  let now = START
  const Station = defineDeviceType('station', {
    readings: { temperature: reading.float() },
    hooks: { onData: ({ flags, message }) => void heard.push({ flags, row: message.flags }) },
  })
  const logger: Logger = {
    ...silentLogger,
    warn: (fields, text = '') => void lines.push({ fields, text }),
  }
  const metrics: Metrics = {
    count: (name, by = 1) => void counted.set(name, (counted.get(name) ?? 0) + by),
    gauge() {},
    observe() {},
  }
  const hub = createDeviceHub({ types: [Station], logger, metrics, clock: { now: () => now } })
  for (const deviceId of ['s0', 's1']) await hub.devices.create(Station, { deviceId })
  return {
    hub,
    Station,
    lines,
    heard,
    counted,
    later(ms: number) {
      now += ms
    },
    send: (deviceId: string, ...samples: object[]) =>
      hub.ingest(
        samples.map((sample) => ({
          topic: `things/station/${deviceId}/data`,
          payload: Buffer.from(JSON.stringify(sample)),
          source: 'test',
        })),
      ),
    [Symbol.asyncDispose]: () => hub.close(),
  }
}

describe('an id that comes again with other content', () => {
  test('is counted, flagged where it is told, and a line a device a minute', async () => {
    await using opened = await setUp()
    const { hub, Station, lines, heard, counted, send, later } = opened
    await send('s0', { id: 'mac', temperature: 1 })
    await send('s0', { id: 'mac', temperature: 1 })
    expect(hub.stats().ingest).toMatchObject({ samples: 1, duplicates: 1, reusedIds: 0 })
    expect(lines).toEqual([])
    await send('s0', { id: 'mac', temperature: 2 }, { id: 'mac', temperature: 3 })
    await send('s0', [
      { id: 'mac', temperature: 4, timestamp: START },
      { id: 'new', temperature: 5, timestamp: START },
    ])
    await send('s1', { id: 'mac', temperature: 1 })
    expect(hub.stats().ingest).toMatchObject({ samples: 6, reusedIds: 3 })
    expect(counted.get('devicehub_ingest_reused_ids_total')).toBe(3)
    const reused = { flags: ['id_reused'], row: 'id_reused' }
    expect(heard).toEqual([
      { flags: [], row: null },
      reused,
      reused,
      reused,
      { flags: [], row: 'id_reused' },
      { flags: [], row: null },
    ])
    const { items } = await hub.readings.list(Station, { deviceId: 's0' })
    expect(items.filter(({ flags }) => flags.includes('id_reused'))).toHaveLength(3)
    expect(lines).toEqual([
      {
        fields: { type: 'station', deviceId: 's0', sampleId: 'mac' },
        text: expect.stringMatching(
          /station\/s0 sent the sample id "mac" again with other content: stored, and flagged id_reused.*hub\.readings\.list\(Type, \{ deviceId: 's0' \}\).*sampleId: false/,
        ),
      },
    ])
    later(60_000)
    await send('s0', { id: 'mac', temperature: 6 })
    expect(lines[1]).toMatchObject({ fields: { suppressed: 2 }, text: expect.stringContaining('2 messages') })
  })

  test('is shown without control characters', async () => {
    await using opened = await setUp()
    const { lines, send } = opened
    const id = `\u001b[31m\n${'x'.repeat(100)}`
    await send('s0', { id, temperature: 1 }, { id, temperature: 2 })
    expect(lines).toHaveLength(1)
    expect(JSON.stringify(lines)).not.toMatch(/\\u001b|\\n/)
  })
})
