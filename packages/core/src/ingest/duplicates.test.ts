import { describe, expect, test } from 'vitest'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { type LogFields, type Logger, silentLogger } from '../ports/logger.js'
import { deviceWorld, NOW } from './testing/device-world.js'

const heard: (string | null)[] = []
const Relay = defineDeviceType('relay', {
  readings: { on: reading.boolean(), n: reading.integer() },
  hooks: { onData: ({ message }) => void heard.push(message.reason) },
})

async function world() {
  const lines: { fields: LogFields; text: string }[] = []
  const logger: Logger = {
    ...silentLogger,
    info: (fields, text = '') => void lines.push({ fields, text }),
  }
  heard.length = 0
  return { lines, ...(await deviceWorld(Relay, { logger })) }
}
const at = (time: number) => new Date(time).toISOString()

describe('the row of a duplicate says', () => {
  test('by which id it was known', async () => {
    const { send, messages } = await world()
    await send({ on: true, id: 0 })
    expect(await send({ on: true, id: 0 })).toEqual({ status: 'duplicate' })
    expect((await messages())[0]).toMatchObject({
      status: 'duplicate',
      code: null,
      reason: 'the sample was stored before, with the same content and the id "0"',
    })
  })

  test('by which time it was known', async () => {
    const { send, messages } = await world()
    await send({ on: true, timestamp: NOW })
    await send({ on: true, timestamp: NOW })
    expect((await messages())[0]?.reason).toBe(
      `the sample was stored before, with the same content and the time ${at(NOW)}`,
    )
  })

  test('which samples of a message were known, and which of them came twice in it, also to who is told of the others', async () => {
    const { send, messages } = await world()
    await send({ n: 1, id: 'a' })
    const outcome = await send([
      { n: 1, id: 'a' },
      { n: 2, id: 'b' },
      { n: 2, id: 'b' },
      { n: 3, timestamp: NOW },
      { n: 3, timestamp: NOW },
      { n: 1, id: 'a' },
    ])
    expect(outcome).toEqual({ status: 'stored', samples: 2, duplicates: 4 })
    const [row] = await messages()
    const reason =
      '4 of 6 samples were stored before, with the same content and the id "a"; the id "b" (twice in this message); ' +
      `the time ${at(NOW)} (twice in this message); ...`
    expect(row).toMatchObject({ status: 'processed', reason })
    expect(heard).toEqual([null, reason, reason])
  })

  test('it beside what was refused', async () => {
    const { send, messages } = await world()
    await send({ n: 1, id: 'a' })
    await send([{ n: 1, id: 'a' }, { n: 'x', id: 'b' }, { n: 2 }])
    expect((await messages())[0]).toMatchObject({
      status: 'processed',
      code: 'partially_rejected',
      flags: 'partial',
      reason:
        '1 of 3 samples were refused: [1] n must be a whole number within ±(2^53 - 1). 1 of 2 samples were stored before, with the same content and the id "a"',
    })
  })
})

describe('duplicates that no broker marked', () => {
  test('are counted and logged, once a minute a device; those that are expected are not', async () => {
    const { hub, send, retained, lines, clock } = await world()
    for (let time = 0; time < 3; time++) await send({ n: 1, timestamp: NOW })
    await send({ n: 1, timestamp: NOW }, 'data', { redelivered: true })
    await retained({ n: 7 })
    await retained({ n: 7 })
    expect(hub.stats().ingest).toMatchObject({ samples: 2, duplicates: 4, unmarkedDuplicates: 2 })
    expect(lines).toEqual([
      {
        fields: { type: 'relay', deviceId: 'd1', duplicates: 1, reason: expect.any(String) },
        text:
          'relay/d1 sent what was stored before, and no broker marked it as redelivered: the sample was stored before, with the same content ' +
          `and the time ${at(NOW)}. All of them: hub.messages.list(Type, { deviceId: 'd1', status: 'duplicate' }), by their reason.`,
      },
    ])
    expect((await hub.messages.list(Relay, { deviceId: 'd1', status: 'duplicate' })).items).toHaveLength(4)
    clock.time += 60_000
    await send([
      { n: 1, timestamp: NOW },
      { n: 2, timestamp: NOW },
    ])
    expect(lines[1]).toMatchObject({ fields: { suppressed: 1 } })
    expect(lines[1]?.text).toMatch(/as were 1 messages before: 1 of 2 .*list\(Type, \{ deviceId: 'd1' \}\)/)
  })

  test('of one id several times hint that the id is none of a sample', async () => {
    const { hub, send, lines, readings } = await world()
    for (let time = 0; time < 100; time++) await send({ id: 0, on: time % 10 < 5 })
    expect(await readings()).toHaveLength(2)
    expect(hub.stats().ingest).toMatchObject({ unmarkedDuplicates: 98 })
    expect(lines).toHaveLength(2)
    expect(lines[0]?.text).not.toContain('sampleId')
    expect(lines[1]?.text).toMatch(/The id came 3 times with the same content: .*`sampleId: false`/)

    // What the line says helps.
    const Fixed = defineDeviceType('fixed', { extends: Relay, sampleId: false })
    const fixed = await deviceWorld(Fixed)
    for (let time = 0; time < 100; time++) await fixed.send({ id: 0, on: time % 10 < 5 })
    expect(await fixed.readings()).toHaveLength(100)
  })

  test('of many ids are samples that were sent again', async () => {
    const { send, lines } = await world()
    const buffer = Array.from({ length: 20 }, (_, n) => ({ n, id: `b${n}` }))
    await send(buffer)
    for (const sample of buffer) await send(sample)
    expect(lines).toHaveLength(1)
  })
})
