import { expect, test } from 'vitest'
import { type BucketSize, bucketEdges, niceEdges } from './bucket-edges.js'
import { type Zone, zoneOf } from './zone-stretches.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const zone = (name: string) => zoneOf(name) as Zone
const edges = (from: string, to: string, size: BucketSize, name = 'UTC') =>
  bucketEdges({ from: Date.parse(from), to: Date.parse(to) }, size, zone(name), 20_000)?.map((edge) =>
    new Date(edge).toISOString().replace(':00.000Z', 'Z'),
  )

test('even buckets are counted from 1970, and the outer ones reach beyond the range', () => {
  expect(edges('2026-01-01T00:10Z', '2026-01-01T00:40Z', 15 * MINUTE)).toEqual([
    '2026-01-01T00:00Z',
    '2026-01-01T00:15Z',
    '2026-01-01T00:30Z',
    '2026-01-01T00:45Z',
  ])
  expect(edges('1969-12-31T23:00Z', '1970-01-01T01:00Z', DAY)).toEqual([
    '1969-12-31T00:00Z',
    '1970-01-01T00:00Z',
    '1970-01-02T00:00Z',
  ])
})

test('a day is as long as its clock makes it', () => {
  expect(edges('2026-03-28T12:00Z', '2026-03-30T12:00Z', 'day', 'Europe/Berlin')).toEqual([
    '2026-03-27T23:00Z',
    '2026-03-28T23:00Z',
    '2026-03-29T22:00Z',
    '2026-03-30T22:00Z',
  ])
})

test('an hour that exists twice is two; one of a zone that moves by half an hour is cut', () => {
  expect(edges('2026-10-25T00:00Z', '2026-10-25T02:30Z', 'hour', 'Europe/Berlin')).toEqual([
    '2026-10-25T00:00Z',
    '2026-10-25T01:00Z',
    '2026-10-25T02:00Z',
    '2026-10-25T03:00Z',
  ])
  expect(edges('2026-04-04T13:30Z', '2026-04-04T16:00Z', 'hour', 'Australia/Lord_Howe')).toEqual([
    '2026-04-04T13:00Z',
    '2026-04-04T14:00Z',
    '2026-04-04T15:00Z',
    '2026-04-04T15:30Z',
    '2026-04-04T16:30Z',
  ])
  expect(edges('2026-10-03T15:00Z', '2026-10-03T16:00Z', 'hour', 'Australia/Lord_Howe')).toEqual([
    '2026-10-03T14:30Z',
    '2026-10-03T15:30Z',
    '2026-10-03T16:00Z',
  ])
})

test('weeks begin on Monday, quarters in January, April, July and October, years on the first of January', () => {
  expect(edges('2026-01-01T00:00Z', '2026-01-12T00:00Z', 'week')).toEqual([
    '2025-12-29T00:00Z',
    '2026-01-05T00:00Z',
    '2026-01-12T00:00Z',
  ])
  expect(edges('2024-02-29T12:00Z', '2024-08-01T00:00Z', 'quarter', 'Asia/Kolkata')).toEqual([
    '2023-12-31T18:30Z',
    '2024-03-31T18:30Z',
    '2024-06-30T18:30Z',
    '2024-09-30T18:30Z',
  ])
  expect(edges('2024-02-29T12:00Z', '2025-01-01T05:00:01Z', 'year', 'America/New_York')).toEqual([
    '2024-01-01T05:00Z',
    '2025-01-01T05:00Z',
    '2026-01-01T05:00Z',
  ])
})

test('a day whose midnight does not exist begins when the clock was moved', () => {
  expect(edges('2018-11-03T12:00Z', '2018-11-05T12:00Z', 'day', 'America/Sao_Paulo')).toEqual([
    '2018-11-03T03:00Z',
    '2018-11-04T03:00Z',
    '2018-11-05T02:00Z',
    '2018-11-06T02:00Z',
  ])
})

test('a day that a zone left out is no bucket', () => {
  expect(edges('2011-12-29T12:00Z', '2011-12-31T12:00Z', 'day', 'Pacific/Apia')).toEqual([
    '2011-12-29T10:00Z',
    '2011-12-30T10:00Z',
    '2011-12-31T10:00Z',
    '2012-01-01T10:00Z',
  ])
})

test('where the clock went back over midnight, the day that had begun goes on', () => {
  // At 00:01 to 23:01 of the day before.
  expect(edges('2009-11-01T02:31Z', '2009-11-01T04:00Z', 'day', 'America/St_Johns')).toEqual([
    '2009-11-01T02:30Z',
    '2009-11-02T03:30Z',
  ])
  expect(edges('2009-11-01T03:00Z', '2009-11-01T04:00Z', 'day', 'America/St_Johns')).toEqual([
    '2009-11-01T02:30Z',
    '2009-11-02T03:30Z',
  ])
})

test('more buckets than may be are none at all', () => {
  const range = { from: 0, to: 100 }
  expect(bucketEdges(range, 10, zone('UTC'), 9)).toBeNull()
  expect(bucketEdges(range, 10, zone('UTC'), 10)).toHaveLength(11)
})

test('a name that is no zone is none; fixed offsets are', () => {
  expect(['Nowhere/City', '+24:00', '', 'constructor'].map(zoneOf)).toEqual(Array(4).fill(undefined))
  expect(zone('+05:30').at(0).offset).toBe(5.5 * HOUR)
  expect(zone('-0330').at(0).offset).toBe(-3.5 * HOUR)
})

test('a nice size gives at most so many buckets, and a shorter one would give more', () => {
  const length = [1, 999, MINUTE, 3 * HOUR, DAY, 31 * DAY, 366 * DAY, 20_000 * DAY, 2_000_000 * DAY]
  for (const name of ['UTC', 'Europe/Berlin', 'Australia/Lord_Howe'])
    for (const points of [2, 3, 10, 400, 20_000])
      for (const from of [Date.UTC(2024, 1, 29, 3, 7), -1, Date.UTC(2026, 9, 25)])
        for (const ms of length) {
          const range = { from, to: from + ms }
          const { size, edges: found } = niceEdges(range, points, zone(name))
          const what = `${name} ${points} ${from} ${ms}: ${size}`
          expect(found.length - 1, what).toBeLessThanOrEqual(points)
          expect(found[0], what).toBeLessThanOrEqual(range.from)
          expect(found.at(-1), what).toBeGreaterThanOrEqual(range.to)
          expect(found.at(1), what).toBeGreaterThan(range.from)
          expect(found.at(-2), what).toBeLessThan(range.to)
        }
  expect(niceEdges({ from: 0, to: 366 * DAY }, 400, zone('UTC')).size).toBe('day')
  expect(niceEdges({ from: 0, to: DAY }, 100, zone('UTC')).size).toBe(15 * MINUTE)
})
