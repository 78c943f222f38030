import type { CalendarUnit } from '../ports/series.js'
import type { Zone } from './zone-stretches.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** The size of buckets: milliseconds, or a unit of the calendar. */
export type BucketSize = number | CalendarUnit

/** A range of time, epoch milliseconds; `to` exclusive. */
export interface TimeRange {
  readonly from: number
  readonly to: number
}

/**
 * The edges of all buckets that a range touches, ascending: the first is at or before `from`, the last at or after `to`.
 * Null where these are more than `most` buckets. Buckets of so many milliseconds are counted from 1970 in UTC. Minutes
 * and hours are those of the clock on the wall, and a change of the clocks begins a new one; a longer unit begins at the
 * first instant of its first day.
 */
export function bucketEdges(range: TimeRange, size: BucketSize, zone: Zone, most: number): number[] | null {
  const edges: number[] = []
  for (const edge of edgesFrom(range.from, size, zone)) {
    // Of a day that a zone left out there is nothing.
    if (edge === edges.at(-1)) continue
    if (edges.length > 0 && edge <= range.from) edges.length = 0
    edges.push(edge)
    if (edge >= range.to && edges.length > 1) return edges
    if (edges.length > most) return null
  }
  return edges
}

function edgesFrom(from: number, size: BucketSize, zone: Zone): Iterable<number> {
  if (typeof size === 'number') return evenEdges(from, size)
  if (size === 'minute' || size === 'hour') return clockEdges(from, size === 'minute' ? MINUTE : HOUR, zone)
  return calendarEdges(from, size, zone)
}

function* evenEdges(from: number, size: number): Generator<number> {
  for (let index = Math.floor(from / size); ; index++) yield index * size
}

function* clockEdges(from: number, size: number, zone: Zone): Generator<number> {
  let at = startOfClock(from, size, zone)
  for (;;) {
    yield at
    at = nextOfClock(at, size, zone)
  }
}

/** The hour or minute that holds the instant, since the clocks were changed. */
function startOfClock(instant: number, size: number, zone: Zone): number {
  const { offset } = zone.at(instant)
  const start = Math.floor((instant + offset) / size) * size - offset
  if (zone.at(start).offset === offset) return start
  let changed = start
  while (zone.at(changed).offset !== offset) changed = zone.at(changed).end
  return changed
}

function nextOfClock(at: number, size: number, zone: Zone): number {
  const { offset } = zone.at(at)
  const next = (Math.floor((at + offset) / size) + 1) * size - offset
  for (let within = at; ; ) {
    const { end } = zone.at(within)
    if (end >= next) return next
    if (zone.at(end).offset !== offset) return end
    within = end
  }
}

function* calendarEdges(
  from: number,
  unit: Exclude<CalendarUnit, 'minute' | 'hour'>,
  zone: Zone,
): Generator<number> {
  let local = startOfUnit(from + zone.at(from).offset, unit)
  for (;;) {
    yield instantOf(local, zone)
    local = nextUnit(local, unit)
  }
}

/** The first instant at which the clock on the wall shows this time or a later one. */
function instantOf(local: number, zone: Zone): number {
  let at = local - 36 * HOUR
  for (;;) {
    const { offset, end } = zone.at(at)
    const instant = local - offset
    if (instant < end) return Math.max(instant, at)
    at = end
  }
}

/** Of a local time that is written as if it were UTC. */
function startOfUnit(local: number, unit: Exclude<CalendarUnit, 'minute' | 'hour'>): number {
  const day = Math.floor(local / DAY)
  // Day 0 of the epoch was a Thursday, three days after a Monday.
  if (unit === 'week') return (day - ((((day + 3) % 7) + 7) % 7)) * DAY
  if (unit === 'day') return day * DAY
  const date = new Date(day * DAY)
  const month = date.getUTCMonth()
  return date.setUTCMonth(unit === 'year' ? 0 : unit === 'quarter' ? month - (month % 3) : month, 1)
}

function nextUnit(local: number, unit: Exclude<CalendarUnit, 'minute' | 'hour'>): number {
  if (unit === 'day') return local + DAY
  if (unit === 'week') return local + 7 * DAY
  const date = new Date(local)
  return date.setUTCMonth(date.getUTCMonth() + (unit === 'month' ? 1 : unit === 'quarter' ? 3 : 12))
}

/** From short to long: what people read on an axis. */
const NICE: readonly (readonly [size: BucketSize, about: number])[] = [
  ...[1, 2, 5, 10, 20, 50, 100, 200, 500].map((size) => [size, size] as const),
  ...[1, 2, 5, 10, 15, 30].map((seconds) => [seconds * 1000, seconds * 1000] as const),
  ...[1, 2, 5, 10, 15, 30].map((minutes) => [minutes * MINUTE, minutes * MINUTE] as const),
  ...[1, 2, 3, 6, 12].map((hours) => [hours * HOUR, hours * HOUR] as const),
  ['day', DAY],
  ['week', 7 * DAY],
  ['month', 30 * DAY],
  ['quarter', 91 * DAY],
  ['year', 365 * DAY],
]

/** The shortest of the usual sizes with which a range has at most so many buckets, and their edges. `points`: 2 or more. */
export function niceEdges(
  range: TimeRange,
  points: number,
  zone: Zone,
): { readonly size: BucketSize; readonly edges: number[] } {
  const length = range.to - range.from
  for (const [size, about] of NICE) {
    if (length / about > points) continue
    const edges = bucketEdges(range, size, zone, points)
    if (edges !== null) return { size, edges }
  }
  const years = Math.ceil(length / (points - 1) / (365 * DAY)) * 365 * DAY
  return { size: years, edges: bucketEdges(range, years, zone, points) ?? [range.from, range.to] }
}
