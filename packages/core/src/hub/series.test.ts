import { expect, test } from 'vitest'
import { createDeviceHub, defineDeviceType, memoryStorage, reading } from '../index.js'

const Station = defineDeviceType('station', {
  unknownDevice: 'register',
  readings: { temperature: reading.float(), total: reading.integer(), note: reading.string() },
})

const T0 = Date.UTC(2026, 2, 28)
const HOUR = 3_600_000

async function hubWith(samples: readonly (readonly [device: string, hours: number, values: object])[]) {
  const hub = createDeviceHub({
    types: [Station],
    storage: memoryStorage(),
    clock: { now: () => T0 + 30 * 24 * HOUR },
    clockSkew: { past: Number.POSITIVE_INFINITY, future: '10m' },
  })
  await hub.ingest(
    samples.map(([device, hours, values]) => ({
      topic: `things/station/${device}/data`,
      payload: Buffer.from(
        JSON.stringify({ ...values, timestamp: new Date(T0 + hours * HOUR).toISOString() }),
      ),
      source: 'test',
    })),
  )
  return hub
}

test('several readings with several functions, by day of a time zone', async () => {
  await using hub = await hubWith([
    ['a', 0, { temperature: 1, total: 10 }],
    ['a', 22.5, { temperature: 3 }],
    ['a', 23.5, { temperature: 8, total: 30 }],
    ['a', 45.5, { temperature: 4 }],
  ])
  const result = await hub.readings.series(Station, {
    devices: 'a',
    fields: ['temperature', 'total'],
    fn: ['avg', 'count', 'last'],
    from: new Date(T0 - HOUR),
    to: new Date(T0 + 48 * HOUR),
    interval: 'day',
    timeZone: 'Europe/Berlin',
  })
  expect(result).toMatchObject({ interval: 'day', timeZone: 'Europe/Berlin', source: 'raw' })
  expect(result.series).toHaveLength(1)
  // Clocks were set forward on the 29th: that day has 23 hours.
  expect(result.series[0]?.buckets).toEqual([
    {
      start: new Date('2026-03-27T23:00:00Z'),
      end: new Date('2026-03-28T23:00:00Z'),
      values: { temperature: { avg: 2, count: 2, last: 3 }, total: { avg: 10, count: 1, last: 10 } },
    },
    {
      start: new Date('2026-03-28T23:00:00Z'),
      end: new Date('2026-03-29T22:00:00Z'),
      values: { temperature: { avg: 6, count: 2, last: 4 }, total: { avg: 30, count: 1, last: 30 } },
    },
  ])
})

const DAY_OF_A = {
  devices: 'a',
  from: new Date(T0),
  to: new Date(T0 + 4 * HOUR),
  interval: '1h',
} as const

test('what is empty is left out, null, as before, or between its neighbours', async () => {
  await using hub = await hubWith([
    ['a', 0.5, { temperature: 10, note: 'x' }],
    ['a', 3.5, { temperature: 16 }],
  ])
  const filled = async (fill?: 'none' | 'null' | 'previous' | 'linear') => {
    const fields = { temperature: ['avg', 'count'], note: 'last' } as const
    const { series } = await hub.readings.series(Station, { ...DAY_OF_A, fields, ...(fill && { fill }) })
    return series[0]?.buckets.map(({ start, values: { temperature, note } }) => [
      (start.getTime() - T0) / HOUR,
      temperature.avg,
      temperature.count,
      note.last,
    ])
  }
  const outer = [
    [0, 10, 1, 'x'],
    [3, 16, 1, null],
  ] as const
  expect(await filled()).toEqual(outer)
  expect(await filled('none')).toEqual(outer)
  expect(await filled('null')).toEqual([outer[0], [1, null, 0, null], [2, null, 0, null], outer[1]])
  expect(await filled('previous')).toEqual([outer[0], [1, 10, 0, 'x'], [2, 10, 0, 'x'], [3, 16, 1, 'x']])
  expect(await filled('linear')).toEqual([outer[0], [1, 12, 0, null], [2, 14, 0, null], outer[1]])
})

test('a value holds until the next one, the last until now; a counter rises evenly and may begin anew', async () => {
  await using hub = await hubWith([
    ['a', -1, { temperature: 4, total: 100 }],
    ['a', 1, { temperature: 8, total: 140 }],
    ['a', 2, { total: 30 }],
    ['a', 6, { total: 70 }],
  ])
  const { series } = await hub.readings.series(Station, {
    ...DAY_OF_A,
    interval: '2h',
    fields: { temperature: 'timeAvg', total: 'delta' },
  })
  // Half of the 40 until one o'clock, 30 after the reset; then half of the 40 until six.
  expect(series[0]?.buckets.map(({ values }) => [values.temperature.timeAvg, values.total.delta])).toEqual([
    [6, 50],
    [8, 20],
  ])
})

test('devices that were asked for are there without samples; of a selector those with some; labels and all are put together', async () => {
  await using hub = await hubWith([
    ['a', 1, { temperature: 1 }],
    ['b', 1, { temperature: 3 }],
    ['c', 1, { temperature: 8 }],
  ])
  await hub.devices.create(Station, { deviceId: 'd' })
  await hub.devices.update(Station, 'b', { labels: { site: 'north' } })
  await hub.devices.update(Station, 'c', { labels: { site: 'north' } })
  const groups = async (more: object) => {
    const request = { ...DAY_OF_A, fields: 'temperature', fn: 'avg', ...more } as const
    const { series } = await hub.readings.series(Station, request)
    return series.map(({ group, buckets }) => [group, buckets.map(({ values }) => values.temperature.avg)])
  }
  expect(await groups({ devices: ['d', 'b', 'gone'] })).toEqual([
    ['d', []],
    ['b', [3]],
    ['gone', []],
  ])
  expect(await groups({ devices: {} })).toEqual([
    ['a', [1]],
    ['b', [3]],
    ['c', [8]],
  ])
  expect(await groups({ devices: {}, groupBy: 'all' })).toEqual([[null, [4]]])
  expect(await groups({ devices: { labels: { site: 'south' } }, groupBy: 'all' })).toEqual([[null, []]])
  expect(await groups({ devices: {}, groupBy: { label: 'site' } })).toEqual([
    ['north', [5.5]],
    [null, [1]],
  ])
  expect(await groups({ devices: ['a', 'b'], groupBy: { label: 'site' } })).toEqual([
    ['north', [3]],
    [null, [1]],
  ])
})

test('without an interval there is one bucket; points choose one', async () => {
  await using hub = await hubWith([['a', 1, { temperature: 1 }]])
  const request = { ...DAY_OF_A, interval: undefined, fields: 'temperature', fn: 'avg' } as const
  const { interval: _, ...plain } = request
  const one = await hub.readings.series(Station, plain)
  expect([one.interval, one.series[0]?.buckets]).toEqual([
    null,
    [{ start: request.from, end: request.to, values: { temperature: { avg: 1 } } }],
  ])
  const many = await hub.readings.series(Station, { ...plain, points: 100, fill: 'null' })
  expect([many.interval, many.series[0]?.buckets.length]).toEqual(['5m', 48])
})

test('a shape has samples as they were measured', async () => {
  await using hub = await hubWith([
    ['a', 1, { temperature: 1 }],
    ['a', 2, { total: 1 }],
    ['b', 3, { temperature: 2 }],
  ])
  const request = {
    ...DAY_OF_A,
    interval: undefined,
    fields: ['temperature'],
    fn: 'shape',
    points: 4,
  } as const
  const { interval: _, ...plain } = request
  expect(await hub.readings.series(Station, plain)).toEqual({
    source: 'raw',
    series: [{ group: 'a', points: { temperature: [{ measuredAt: new Date(T0 + HOUR), value: 1 }] } }],
  })
  const { series } = await hub.readings.series(Station, { ...plain, devices: {} })
  expect(series.map(({ group }) => group)).toEqual(['a', 'b'])
  await expect(hub.readings.series(Station, { ...plain, fields: 'note' })).rejects.toMatchObject({
    code: 'invalid_query',
    message: expect.stringContaining('note'),
  })
})

test.each([
  [{ interval: '1h', points: 5 }, /either interval or points/],
  [{ from: new Date(T0 + 4 * HOUR) }, /to must be later than from/],
  [{ fn: undefined }, /fn is missing/],
  [{ fields: { temperature: 'avg' } }, /fn stands with each reading/],
  [{ fields: 'temprature' }, /no reading "temprature"/],
  [{ fields: 'note' }, /avg needs a number/],
  [{ interval: '1ms' }, /more than 20000 times/],
  [{ timeZone: 'Europe/Nowhere' }, /timeZone/],
  [{ fields: { temperature: 'median' }, fn: undefined }, /avg, min, max/],
  [{ devices: { sate: {} } }, /sate/],
  [{ groupBy: { label: 'a b' } }, /groupBy.label/],
])('%j is `invalid_query`', async (more, message) => {
  await using hub = await hubWith([])
  const request = { ...DAY_OF_A, fields: 'temperature', fn: 'avg', ...more } as never
  await expect(hub.readings.series(Station, request)).rejects.toMatchObject({
    code: 'invalid_query',
    message,
  })
})

test('one sample by its id, and some readings of a list', async () => {
  await using hub = await hubWith([['a', 1, { temperature: 1, note: 'x' }]])
  const { items } = await hub.readings.list(Station)
  expect(await hub.readings.get(Station, items[0]?.id ?? '')).toEqual(items[0])
  expect(await hub.readings.get(Station, 'none')).toBeNull()
  const some = await hub.readings.list(Station, { fields: ['note'] })
  expect(some.items.map(({ readings }) => readings)).toEqual([{ note: 'x' }])
  await expect(hub.readings.list(Station, { fields: ['nothing' as never] })).rejects.toMatchObject({
    code: 'invalid_query',
  })
})
