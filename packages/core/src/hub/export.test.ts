import { describe, expect, onTestFinished, test } from 'vitest'
import {
  createDeviceHub,
  defineDeviceType,
  type ExportCursor,
  reading,
  silentLogger,
  toCsv,
  toNdjson,
} from '../index.js'

const Probe = defineDeviceType('probe', {
  unknownDevice: 'register',
  readings: {
    n: reading.integer(),
    note: reading.string(),
    cursor: reading.string(),
    at: reading.datetime(),
    frame: reading.binary(),
    more: reading.json(),
  },
})
const Other = defineDeviceType('other', { readings: { n: reading.integer() } })
const T0 = Date.UTC(2026, 0, 5)

function world() {
  const clock = { now: () => T0 }
  const hub = createDeviceHub({ types: [Probe, Other], logger: silentLogger, clock })
  onTestFinished(() => hub.close())
  const send = (deviceId: string, samples: readonly object[], type = 'probe') =>
    hub.ingest([
      {
        topic: `things/${type}/${deviceId}/data`,
        payload: new TextEncoder().encode(JSON.stringify(samples)),
        source: 'test',
      },
    ])
  const at = (n: number) => new Date(T0 - 1_000_000 + n).toISOString()
  return { hub, send, at }
}

/** Devices with few samples and one with more than a page; some of one time. */
async function filled() {
  const { hub, send, at } = world()
  for (const id of ['b', 'a', 'x_1', 'c', 'd', 'e', 'f'])
    await send(
      id,
      Array.from({ length: 3 }, (_, n) => ({ n, timestamp: at(n) })),
    )
  for (let from = 0; from < 5_000; from += 1_000)
    await send(
      'many',
      Array.from({ length: 1_000 }, (_, n) => ({ n: from + n, timestamp: at(Math.floor((from + n) / 4)) })),
    )
  return { hub, send, at }
}

async function all<Row>(rows: AsyncIterable<Row>): Promise<Row[]> {
  const found: Row[] = []
  for await (const row of rows) found.push(row)
  return found
}

/** As a reader that breaks off after each so many rows, and goes on with the last cursor. */
async function inParts<Row extends ExportCursor>(
  part: number,
  open: (after: string | undefined) => AsyncIterable<Row>,
  between: (last: Row) => unknown = () => {},
): Promise<Row[]> {
  const found: Row[] = []
  for (let after: string | undefined; ; ) {
    let count = 0
    for await (const row of open(after)) {
      found.push(row)
      if (++count === part) break
    }
    const last = found.at(-1)
    if (count < part || last === undefined) return found
    await between(last)
    after = last.cursor
  }
}

const text = async (pieces: AsyncIterable<string>) => (await all(pieces)).join('')

describe('readings.export', () => {
  test('gives each sample once, by device and measured time', async () => {
    const { hub } = await filled()
    const rows = await all(hub.readings.export(Probe))
    expect(rows).toHaveLength(5_021)
    expect([...new Set(rows.map(({ deviceId }) => deviceId))].join(' ')).toBe('a b c d e f many x_1')
    expect(new Set(rows.map(({ id }) => id)).size).toBe(5_021)
    const many = rows.filter(({ deviceId }) => deviceId === 'many')
    expect(many.map(({ readings }) => readings.n)).toEqual(Array.from({ length: 5_000 }, (_, n) => n))
  })

  test.each([1, 7, 1_999, 2_000, 2_001])(
    'goes on behind the cursor of any row: parts of %i',
    async (part) => {
      const { hub } = await filled()
      const devices = part < 10 ? ['a', 'x_1', 'b', 'nobody'] : {}
      const whole = (await all(hub.readings.export(Probe, { devices }))).map(({ id }) => id)
      const parts = await inParts(part, (after) => hub.readings.export(Probe, { devices, after }))
      expect(parts.map(({ id }) => id)).toEqual(whole)
    },
  )

  test('samples stored meanwhile, and a device that is gone, disturb nothing', async () => {
    const { hub, send, at } = await filled()
    const before = new Set((await all(hub.readings.export(Probe))).map(({ id }) => id))
    let n = 0
    const parts = await inParts(
      500,
      (after) => hub.readings.export(Probe, { after }),
      async ({ deviceId }) => {
        n++
        // One behind the place, one before it.
        await send('many', [
          { n: -n, timestamp: at(-n) },
          { n: 9_000 + n, timestamp: at(5_000 + n) },
        ])
        await send('zz', [{ n, timestamp: at(n) }])
        if (deviceId === 'many') await hub.devices.delete(Probe, 'a')
      },
    )
    const ids = parts.map(({ id }) => id)
    expect(new Set(ids).size).toBe(ids.length)
    for (const id of before) expect(ids).toContain(id)
    expect(parts.some(({ deviceId }) => deviceId === 'zz')).toBe(true)
  })

  test('takes fields, a time and a selector', async () => {
    const { hub } = await filled()
    await hub.devices.update(Probe, 'b', { labels: { site: 'north' } })
    const rows = await all(
      hub.readings.export(Probe, {
        devices: { labels: { site: 'north' } },
        fields: ['n'],
        from: new Date(T0 - 1_000_000 + 1),
        to: new Date(T0 - 1_000_000 + 2),
      }),
    )
    expect(rows).toMatchObject([{ deviceId: 'b', readings: { n: 1 } }])
    expect(Object.keys(rows[0]?.readings ?? {})).toEqual(['n'])
  })

  test('refuses what does not fit', async () => {
    const { hub } = await filled()
    const refused = (query: object) => () => hub.readings.export(Probe, query)
    expect(refused({ after: 'x' })).toThrow('after')
    expect(refused({ after: '%' })).toThrow('after')
    expect(refused({ fields: ['nothing'] })).toThrow('nothing')
    expect(refused({ form: new Date() })).toThrow('form')
    const [row] = await all(hub.readings.export(Probe, { devices: 'a' }))
    expect(() => hub.readings.export(Other, { after: row?.cursor })).toThrow('after')
  })
})

describe('messages.export', () => {
  test('gives each row once, newest first, also in parts while others come in', async () => {
    const { hub, send } = await filled()
    for (let n = 0; n < 1_100; n++) await send('a', [{ n }])
    const whole = (await all(hub.messages.export(Probe))).map(({ id }) => id)
    expect(whole.length).toBeGreaterThan(1_100)
    expect([...whole].sort((a, b) => Number(b) - Number(a))).toEqual(whole)
    for (const part of [13, 1_000, 1_001]) {
      const parts = await inParts(
        part,
        (after) => hub.messages.export(Probe, { after, to: new Date(T0 + 1) }),
        () => send('a', [{ n: 5 }]),
      )
      expect(new Set(parts.map(({ id }) => id)).size).toBe(parts.length)
      expect(parts.map(({ id }) => id)).toEqual(expect.arrayContaining(whole))
    }
  })

  test('of no type', async () => {
    const { hub, send } = world()
    await send('a', [{ n: 1 }], 'nothing')
    expect(await all(hub.messages.export(null))).toMatchObject([
      { typeKey: null, topic: 'things/nothing/a/data' },
    ])
    expect(await text(toCsv(hub.messages.export(null)))).toContain('things/nothing/a/data')
  })
})

describe('text', () => {
  async function one(sample: object) {
    const { hub, send, at } = world()
    await send('a', [{ timestamp: at(0), ...sample }])
    const cells = async () => (await text(toCsv(hub.readings.export(Probe)))).split('\r\n')[1]
    return { hub, cells }
  }

  test('CSV has a header, even without rows', async () => {
    const { hub } = world()
    expect(await text(toCsv(hub.readings.export(Probe, { fields: ['n', 'cursor'] }), { cursor: true }))).toBe(
      'id,device_id,measured_at,received_at,sample_id,flags,n,readings.cursor,cursor\r\n',
    )
  })

  test('CSV has times in RFC 3339, bytes in base64, JSON as text', async () => {
    const { cells } = await one({
      n: -5,
      note: 'a "b", c\nd',
      cursor: 'own',
      at: '2026-01-01T00:00:00Z',
      frame: 'AQID',
      more: ['a', 'b'],
    })
    expect(await cells()).toMatch(
      /,2026-01-04T23:43:20.000Z,2026-01-05T00:00:00.000Z,,,-5,"a ""b"", c\nd",own,2026-01-01T00:00:00.000Z,AQID,"\[""a"",""b""\]"$/,
    )
  })

  test.each(['=1+1', '+1', '-1', '@a', '\t=1', '\r=1'])('CSV runs no %j', async (note) => {
    const { hub } = await one({ note })
    const csv = await text(toCsv(hub.readings.export(Probe, { fields: ['note'] })))
    expect(csv).toContain(`'${note}`)
  })

  test('NDJSON has a line a row, with its cursor', async () => {
    const { hub } = await one({ n: 1, frame: 'AQID', more: 'x' })
    const lines = (await text(toNdjson(hub.readings.export(Probe)))).split('\n')
    expect(lines).toHaveLength(2)
    expect(JSON.parse(lines[0] ?? '')).toMatchObject({
      device_id: 'a',
      measured_at: '2026-01-04T23:43:20.000Z',
      flags: [],
      readings: { n: 1, frame: 'AQID', more: 'x', note: null },
      cursor: expect.any(String),
    })
  })

  test('is a body of a response, and stops reading with its reader', async () => {
    const { hub } = await filled()
    const stream = ReadableStream.from(toNdjson(hub.readings.export(Probe)))
    const body = stream.pipeThrough(new TextEncoderStream())
    const answer = await new Response(body).text()
    expect(answer.split('\n')).toHaveLength(5_022)
  })
})
