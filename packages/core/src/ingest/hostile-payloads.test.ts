import { recordUnhandledRejections } from '@devicehub-internal/support/unhandled-rejections'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { createDeviceHub } from '../hub/create-device-hub.js'
import { memoryStorage } from '../memory/memory-storage.js'
import type { Codec } from '../model/codec/codec.js'
import { command } from '../model/device-type/command.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { state } from '../model/device-type/state.js'
import { silentLogger } from '../ports/logger.js'

recordUnhandledRejections()

const rejects = () => Promise.reject(new Error('the database is away')) as never
let decode: (payload: Uint8Array) => unknown = () => null
const odd: Codec = {
  name: 'odd',
  contentType: 'x',
  decode: (payload) => decode(payload),
  encode: () => Uint8Array.of(1),
}

const Station = defineDeviceType('station', {
  readings: {
    temperature: reading.float(),
    count: reading.integer(),
    extra: reading.json(),
    checked: reading.json({ schema: z.object({ a: z.string().refine(rejects) }) }),
  },
  state: { mode: state.enum(['a', 'b']), profile: state.json({ schema: z.string().refine(rejects) }) },
  commands: { ask: command({ result: z.object({ text: z.string().refine(rejects) }) }) },
})
const Odd = defineDeviceType('odd', { codec: odd, readings: { temperature: reading.float() } })

async function makeHub() {
  const hub = createDeviceHub({
    types: [Station, Odd],
    storage: memoryStorage(),
    logger: silentLogger,
    unknownDevice: 'register',
  })
  const to = (topic: string, payload: string | Uint8Array) => ({
    topic: `things/${topic}`,
    payload: typeof payload === 'string' ? Buffer.from(payload) : payload,
    source: 'test',
    qos: 1 as const,
  })
  return { hub, to }
}

const deep = (open: string, close: string, count: number) => open.repeat(count) + close.repeat(count)

const PAYLOADS: readonly [string, string, object][] = [
  ['lists of 500 levels', `{"temperature":1,"extra":${deep('[', ']', 500)}}`, { status: 'stored' }],
  [
    'lists of 100,000 levels',
    `{"temperature":1,"extra":${deep('[', ']', 100_000)}}`,
    { status: 'rejected', code: 'invalid_json' },
  ],
  [
    'objects of 100,000 levels',
    `{"temperature":1,"extra":${deep('{"a":', '}', 100_000).replace(/:}/, ':1}')}}`,
    { status: 'rejected', code: 'invalid_json' },
  ],
  ['nothing but depth', deep('[', ']', 500_000), { status: 'rejected' }],
  [
    'a list of 500,000 numbers',
    `[${'1,'.repeat(499_999)}1]`,
    { status: 'rejected', code: 'too_many_samples' },
  ],
  ['10,000 samples of nothing', `[${'{},'.repeat(9_999)}{}]`, { status: 'rejected' }],
  [
    '100,000 fields',
    `{"temperature":1,${Array.from({ length: 90_000 }, (_, i) => `"f${i}":1`).join(',')}}`,
    { status: 'stored' },
  ],
  ['100,000 items that are none', `{"readings":[${'1,'.repeat(100_000)}1]}`, { status: 'rejected' }],
  [
    '__proto__ and constructor',
    '{"__proto__":{"temperature":99},"constructor":{"prototype":{"x":1}},"temperature":1}',
    { status: 'stored' },
  ],
  [
    '__proto__ as the type of a reading',
    '{"readings":[{"type":"__proto__","value":{"count":5}},{"type":"temperature","value":1}]}',
    { status: 'stored' },
  ],
  [
    'a number without end',
    `{"temperature":1,"count":1e400,"extra":${'9'.repeat(100_000)}}`,
    { status: 'stored' },
  ],
  ['a name twice', '{"temperature":5,"temperature":1}', { status: 'stored' }],
  ['a schema that is asynchronous', '{"temperature":1,"checked":{"a":"x"}}', { status: 'stored' }],
]

describe('invariant 3: a payload is one message, whatever is in it', () => {
  test.each(PAYLOADS)('%s', async (_what, payload, outcome) => {
    const { hub, to } = await makeHub()
    const outcomes = await hub.ingest([
      to('station/bad/data', payload),
      to('station/bad/data', '{"temperature":2}'),
      to('station/good/data', '{"temperature":3}'),
    ])
    expect(outcomes[0]).toMatchObject(outcome)
    expect(outcomes.slice(1)).toMatchObject([{ status: 'stored' }, { status: 'stored' }])
    const { items } = await hub.readings.list(Station, { deviceId: 'bad' })
    if (outcomes[0]?.status === 'stored')
      expect(items.map(({ readings }) => readings.temperature).sort()).toEqual([1, 2])
    expect(Object.prototype).not.toHaveProperty('temperature')
    for (const row of (await hub.messages.list(Station)).items)
      expect((row.reason ?? '').length).toBeLessThan(2_001)
    await hub.close()
  })

  class Reading {
    temperature = 1
  }
  const DECODED: readonly [string, () => unknown, RegExp][] = [
    ['a promise', async () => ({ temperature: 1 }), /returned a promise/],
    ['a promise that rejects', () => Promise.reject(new Error('late')), /returned a promise/],
    [
      'a reading that is a promise',
      () => ({ temperature: Promise.reject(new Error('late')) }),
      /a promise as "temperature"/,
    ],
    [
      'a getter that throws',
      () => ({
        get temperature() {
          throw new Error('thrown\n\x1b[2J by the getter')
        },
      }),
      /thrown \?\[2J by the getter/,
    ],
    ['an instance of a class', () => new Reading(), /an instance of Reading/],
    ['a Map', () => new Map([['temperature', 1]]), /an instance of Map/],
    [
      'what throws no error',
      () => {
        throw {
          toString() {
            throw new Error('again')
          },
        }
      },
      /has no text/,
    ],
    [
      'what throws a long text',
      () => {
        throw new Error('x'.repeat(1_000_000))
      },
      /x{100}/,
    ],
  ]
  test.each(DECODED)('a codec that gives %s', async (_what, given, reason) => {
    const { hub, to } = await makeHub()
    decode = (payload) => (payload.byteLength > 1 ? { temperature: 2 } : given())
    const outcomes = await hub.ingest([
      to('odd/d/data', 'x'),
      to('odd/d/data', 'xx'),
      to('odd/d/status', 'x'),
      to('odd/d/response', 'x'),
      to('odd/d/state', 'x'),
    ])
    const refused = { status: 'rejected', code: 'undecodable', reason: expect.stringMatching(reason) }
    expect(outcomes).toMatchObject([refused, { status: 'stored' }, refused, refused, refused])
    await hub.close()
  })

  test('a codec that gives BigInt: a reading that does not fit', async () => {
    const { hub, to } = await makeHub()
    decode = () => ({ temperature: 1n })
    expect(await hub.ingest([to('odd/d/data', 'x')])).toMatchObject([{ status: 'rejected' }])
    await hub.close()
  })

  test('a report and a reply whose schemas are asynchronous: what does not fit is left out, and says why', async () => {
    const { hub, to } = await makeHub()
    await hub.ingest([to('station/s1/status', '{"status":"online"}')])
    expect(
      await hub.ingest([to('station/s1/state', '{"reported":{"mode":"a","profile":"x"}}')]),
    ).toMatchObject([{ status: 'stored' }])
    const { id } = await hub.commands.send(Station, 's1', 'ask', undefined)
    const long = `\x1b[31m\0${'x'.repeat(50_000)}`
    await hub.ingest([
      to('station/s1/response', JSON.stringify({ id, status: 'succeeded', result: { text: long } })),
    ])
    const info = await hub.commands.get(id)
    expect(info).toMatchObject({
      state: 'failed',
      reason: expect.stringMatching(/invalid_result: .*asynchronous/),
    })
    await hub.close()
  })
})

describe('payloads that take long to read', () => {
  const large = new Uint8Array(20_000)
  /** The turns of the event loop in which payloads were read. */
  async function turnsOf(ingest: (hub: Awaited<ReturnType<typeof makeHub>>) => Promise<unknown>) {
    let turn = 0
    let counting = true
    const count = () => {
      turn++
      if (counting) setImmediate(count)
    }
    setImmediate(count)
    const turns: number[] = []
    decode = () => {
      turns.push(turn)
      for (const until = performance.now() + 21; performance.now() < until; );
      return { temperature: turns.length }
    }
    await ingest(await makeHub())
    counting = false
    return turns
  }

  test('are read one a turn, so that others are served between them', async () => {
    const turns = await turnsOf(({ hub, to }) =>
      hub.ingest(Array.from({ length: 4 }, () => to('odd/o1/data', large))),
    )
    expect(new Set(turns).size).toBe(4)
  })

  test('hold a source back until the next turn', async () => {
    const room: boolean[] = []
    await turnsOf(async ({ hub, to }) => {
      const settled: Promise<unknown>[] = []
      const push = (payload: Uint8Array) =>
        settled.push(new Promise((done) => room.push(hub.ingest.push(to('odd/o1/data', payload), done))))
      push(large)
      await hub.ingest.drained()
      push(large)
      await hub.ingest.drained()
      push(large.subarray(0, 100))
      await Promise.all(settled)
    })
    expect(room).toEqual([false, false, true])
  })
})
