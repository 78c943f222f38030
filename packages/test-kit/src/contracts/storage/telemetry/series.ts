import { createDeviceHub, type DeviceHub, type SeriesFunction, type Storage } from '@devicehub/core'
import type { StoredValue } from '@devicehub/core/transport'
import { describe, expect, test } from 'vitest'
import { batch, device, entry, Sensor, sample } from '../fixtures.js'
import { freshStorage, type StorageContract } from '../harness.js'
import { pick, randomNumbers } from './selector-model.js'
import { plainEdges } from './series-calendar.js'
import { type PlainQuery, type PlainSample, plainSeries } from './series-model.js'

const HOUR = 3_600_000
const DAY = 24 * HOUR
/** A leap day and the changes of the clocks of two years are in it. */
const [BEGIN, END] = [Date.UTC(2024, 0, 15), Date.UTC(2025, 10, 20)]
const ZONES = ['UTC', 'Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata']
const SITES = ['north', 'South', null]
const SAMPLES = 10_000
const QUERIES = 200
/** Of a query, at most: so that it has not too many for nine devices. */
const BUCKETS = 500
/** Times that many samples share: edges of buckets, and changes of the clocks. */
const EDGES = [
  '2024-03-30T23:00:00Z',
  '2024-03-31T01:00:00Z',
  '2024-10-27T01:00:00Z',
  '2024-02-29T00:00:00Z',
  '2025-04-05T15:00:00Z',
  '2025-04-05T14:59:59.999Z',
].map(Date.parse)

export function seriesContract(contract: StorageContract): void {
  describe('series', () => {
    test('are what a calculation over the samples that were sent gives: late ones, ties, nulls, counters that were reset, changes of the clocks', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const seed = Math.floor(Math.random() * 2 ** 31)
      const random = randomNumbers(seed)
      const { samples, sites } = await storeSamples(storage, random)
      let now = END
      const hub = hubOn(storage, () => now)
      for (let run = 0; run < QUERIES; run++) {
        const { request, query } = randomRequest(random, sites)
        now = query.now
        const what = `seed ${seed}, run ${run}: ${JSON.stringify({ ...request, now: new Date(now) })}`
        const result = await hub.readings.series(Sensor, request as never)
        const given = new Map(
          result.series.map(({ group, buckets }) => [
            group,
            new Map(
              buckets.map(({ start, values }) => [
                start.getTime(),
                query.figures.map(([field, fn]) =>
                  plain((values as Readonly<Record<string, Readonly<Record<string, unknown>>>>)[field]?.[fn]),
                ),
              ]),
            ),
          ]),
        )
        const expected = plainSeries(samples, query)
        for (const [group, buckets] of expected) {
          // Of labels and selectors, what has nothing is left out.
          if (!given.has(group) && (buckets.size === 0 || query.fill !== 'none')) continue
          const found = given.get(group) ?? new Map()
          expect([...found.keys()], `${what}: buckets of ${group}`).toEqual([...buckets.keys()])
          for (const [start, figures] of buckets)
            for (const [index, [, fn]] of query.figures.entries()) {
              const [is, was] = [found.get(start)?.[index] ?? null, figures[index] ?? null]
              if (!isSame(fn, query.fill, is, was))
                expect(is, `${what}: ${fn} of ${group} at ${new Date(start).toISOString()}`).toEqual(was)
            }
        }
        for (const group of given.keys()) expect(expected.has(group), `${what}: ${group}`).toBe(true)
        for (const { buckets } of result.series)
          for (const { start, end } of buckets)
            expect(end.getTime(), what).toBe(query.edges[query.edges.indexOf(start.getTime()) + 1])
      }
    }, 300_000)
  })
}

/** What is rounded on the way differs in the last digits; nothing else does. */
function isSame(fn: string, fill: string, given: unknown, expected: StoredValue): boolean {
  if (Object.is(given, expected)) return true
  const isRounded = fn === 'delta' || fn === 'timeAvg' || fill === 'linear'
  if (!isRounded || typeof given !== 'number' || typeof expected !== 'number') return false
  return Math.abs(given - expected) <= 1e-9 * Math.max(1, Math.abs(expected)) + (fn === 'delta' ? 1e-6 : 0)
}

const plain = (value: unknown): unknown => (value instanceof Date ? value.getTime() : value)

const hubOn = (storage: Storage, now: () => number): DeviceHub =>
  createDeviceHub({ types: [Sensor], storage: { name: storage.name, open: () => storage }, clock: { now } })

interface Stored {
  readonly samples: readonly PlainSample[]
  /** By device, its label. */
  readonly sites: ReadonlyMap<string, string | null>
}

/** Devices of several sites with samples that come in another order than they were measured in. */
async function storeSamples(storage: Storage, random: () => number): Promise<Stored> {
  const sites = new Map(Array.from({ length: 9 }, (_, index) => [`D-${index}`, SITES[index % 3] ?? null]))
  await storage.devices.ensure(
    Sensor,
    Array.from(sites, ([id, site]) => device(Sensor, id, { labels: site === null ? {} : { site } })),
  )
  const measured: Omit<PlainSample, 'order'>[] = []
  // The first one has most of them; the last has none.
  for (const [index, deviceId] of [...sites.keys()].entries())
    for (const at of timesOf(random, index === 0 ? SAMPLES / 2 : index === 8 ? 0 : SAMPLES / 14))
      measured.push({ deviceId, at, values: {} })
  const counters = new Map<string, number>()
  const withValues = measured.map((each) => ({
    ...each,
    values: randomValues(random, each.deviceId, counters),
  }))
  const shuffled = withValues.map((each, index) => ({ each, place: index + random() * 400 }))
  const samples = shuffled
    .sort((a, b) => a.place - b.place)
    .map(({ each }, order): PlainSample => ({ ...each, order }))
  for (let at = 0; at < samples.length; at += 2000) {
    const parts = [0, 1, 2, 3].map((part) => samples.slice(at + part * 500, at + (part + 1) * 500))
    await storage.commit(
      batch(
        parts.map((part) =>
          entry(
            Sensor,
            part[0]?.deviceId ?? null,
            part.map((each) => sample(Sensor, each.deviceId, each.at, each.values)),
          ),
        ),
      ),
    )
  }
  return { samples, sites }
}

function timesOf(random: () => number, count: number): number[] {
  const times = Array.from({ length: Math.round(count) }, () => {
    const kind = random()
    if (kind < 0.05) return pick(random, EDGES)
    // Whole hours: many of them are edges, and several samples share one.
    if (kind < 0.2) return Math.floor((BEGIN + random() * 60 * DAY) / HOUR) * HOUR
    return Math.floor(BEGIN + random() * (END - BEGIN))
  })
  return times.sort((a, b) => a - b)
}

/** Quarters: their sums are exact in whichever order they are added. */
function randomValues(
  random: () => number,
  deviceId: string,
  counters: Map<string, number>,
): Record<string, StoredValue> {
  const counter =
    random() < 0.02 ? Math.floor(random() * 50) : (counters.get(deviceId) ?? 0) + Math.floor(random() * 100)
  counters.set(deviceId, counter)
  const values: Record<string, StoredValue> = {}
  if (random() < 0.7) values.temperature = Math.floor(random() * 400) / 4 - 50 || 0
  if (random() < 0.7) values.pulses = counter
  if (random() < 0.3) values.label = `text ${Math.floor(random() * 1000)}`
  if (random() < 0.3) values.calibrated_at = Math.floor(BEGIN + random() * DAY)
  if (random() < 0.3) values.open = random() < 0.5
  return values
}

const OF_NUMBERS: readonly SeriesFunction[] = ['avg', 'sum', 'p50', 'p95', 'p99', 'timeAvg', 'delta']
const OF_ANY: readonly SeriesFunction[] = ['count', 'first', 'last']
const FUNCTIONS: Readonly<Record<string, readonly SeriesFunction[]>> = {
  temperature: [...OF_NUMBERS, ...OF_ANY, 'min', 'max'],
  pulses: [...OF_NUMBERS, ...OF_ANY, 'min', 'max', 'delta', 'delta'],
  label: OF_ANY,
  open: OF_ANY,
  calibrated_at: [...OF_ANY, 'min', 'max'],
}
/** With about how long each is, in milliseconds. */
const UNITS: readonly (readonly [string, number])[] = [
  ['hour', HOUR],
  ['day', DAY],
  ['week', 7 * DAY],
  ['month', 30 * DAY],
  ['quarter', 91 * DAY],
  ['year', 365 * DAY],
]
const EVEN: readonly (readonly [string, number])[] = [
  ['15m', HOUR / 4],
  ['1h', HOUR],
  ['7h', 7 * HOUR],
  ['1d', DAY],
  ['10d', 10 * DAY],
]

function randomRequest(random: () => number, sites: Stored['sites']) {
  const ids = [...sites.keys()]
  const chosen = random()
  const some = ids.filter((id) => id === 'D-1' || random() < 0.4)
  const site = pick(random, ['north', 'South'])
  const [devices, of] =
    chosen < 0.4
      ? (['D-0', ['D-0']] as const)
      : chosen < 0.6
        ? ([some, some] as const)
        : chosen < 0.8
          ? ([{ labels: { site } }, ids.filter((id) => sites.get(id) === site)] as const)
          : ([{}, ids] as const)
  const groupBy = pick(random, ['device', 'all', { label: 'site' }] as const)
  const groupOf = (id: string) =>
    groupBy === 'device' ? id : groupBy === 'all' ? null : (sites.get(id) ?? null)

  const fields: Record<string, SeriesFunction[]> = {}
  for (let figure = 0; figure < 1 + random() * 4; figure++) {
    const name = pick(random, [
      'temperature',
      'temperature',
      'pulses',
      'pulses',
      'label',
      'open',
      'calibrated_at',
    ])
    const fn = pick(random, FUNCTIONS[name] ?? [])
    if (!fields[name]?.includes(fn)) fields[name] = [...(fields[name] ?? []), fn]
  }

  const length = pick(random, [HOUR, DAY, 3 * DAY, 40 * DAY, 400 * DAY]) * (0.2 + random())
  const near = random() < 0.4 ? pick(random, EDGES) - random() * length : BEGIN + random() * (END - BEGIN)
  const from = Math.floor(random() < 0.3 ? Math.floor(near / HOUR) * HOUR : near)
  const to = Math.floor(from + length)
  const timeZone = pick(random, ZONES)
  const isMinute = length < 6 * HOUR && random() < 0.5
  const few = (sizes: typeof EVEN) => sizes.filter(([, about]) => length / about < BUCKETS)
  const isCalendar = random() < 0.6
  const [interval, size] = isMinute ? ['minute', 0] : pick(random, few(isCalendar ? UNITS : EVEN))
  const unit = isMinute || isCalendar ? interval : size
  const fill = pick(random, ['none', 'none', 'null', 'previous', 'linear'] as const)
  const now = random() < 0.3 ? Math.floor(from + random() * length) : END + 400 * DAY
  const isOne = random() < 0.1
  const edges = isOne ? [from, to] : plainEdges(timeZone, unit, from, to)
  const query: PlainQuery = {
    groups: new Map(of.map((id) => [id, groupOf(id)])),
    figures: Object.entries(fields).flatMap(([field, fns]) => fns.map((fn) => [field, fn] as const)),
    from,
    to,
    now,
    edges,
    fill,
  }
  const request = {
    devices,
    groupBy,
    fields,
    from: new Date(from),
    to: new Date(to),
    timeZone,
    fill,
    ...(isOne ? {} : { interval }),
  }
  return { request, query }
}
