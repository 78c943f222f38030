/** The edges of buckets, found by asking what clock and calendar show at each quarter of an hour. */

const MINUTE = 60_000
const QUARTER = 15 * MINUTE
const HOUR = 4 * QUARTER
const DAY = 24 * HOUR

/** All that is asked for lies within it, with a year on both sides. */
const START = Date.UTC(2021, 11, 31)
const END = Date.UTC(2029, 0, 2)

const offsets = new Map<string, readonly number[]>()

/** At each quarter of an hour, milliseconds; no clock was changed within one since 2021. */
function offsetsOf(zone: string): readonly number[] {
  const known = offsets.get(zone)
  if (known) return known
  const format = new Intl.DateTimeFormat('sv-SE', { timeZone: zone, dateStyle: 'short', timeStyle: 'medium' })
  const found: number[] = []
  for (let time = START; time < END; time += QUARTER)
    found.push(Date.parse(`${format.format(time).replace(' ', 'T')}Z`) - time)
  offsets.set(zone, found)
  return found
}

const offsetAt = (zone: string, time: number) => offsetsOf(zone)[Math.floor((time - START) / QUARTER)] ?? 0

/** The same for all instants of a bucket, and another one for those of its neighbours. */
function nameOf(zone: string, unit: string, time: number): number {
  const offset = offsetAt(zone, time)
  const local = time + offset
  // An hour that exists twice is two.
  if (unit === 'minute') return Math.floor(local / MINUTE) * 1e4 + offset / MINUTE
  if (unit === 'hour') return Math.floor(local / HOUR) * 1e4 + offset / MINUTE
  const day = Math.floor(local / DAY)
  if (unit === 'day') return day
  // 1970-01-05 was a Monday.
  if (unit === 'week') return Math.floor((day - 4) / 7)
  const date = new Date(local)
  const month = date.getUTCFullYear() * 12 + date.getUTCMonth()
  if (unit === 'month') return month
  return Math.floor(month / (unit === 'quarter' ? 3 : 12))
}

const known = new Map<string, readonly number[]>()

function allEdges(zone: string, unit: string): readonly number[] {
  const key = `${zone} ${unit}`
  const found = known.get(key)
  if (found) return found
  const edges: number[] = []
  for (let time = START + QUARTER; time < END; time += QUARTER)
    if (nameOf(zone, unit, time) !== nameOf(zone, unit, time - QUARTER)) edges.push(time)
  known.set(key, edges)
  return edges
}

/** Of the buckets that a range touches. `unit`: of the calendar, or milliseconds. */
export function plainEdges(zone: string, unit: string | number, from: number, to: number): number[] {
  if (unit === 'minute' || typeof unit === 'number') {
    const step = typeof unit === 'number' ? unit : MINUTE
    const edges: number[] = []
    // No zone of today is off by a part of a minute.
    for (let edge = Math.floor(from / step) * step; edge < to + step; edge += step) edges.push(edge)
    return edges
  }
  const all = allEdges(zone, unit)
  const first = all.findLastIndex((edge) => edge <= from)
  const last = all.findIndex((edge) => edge >= to)
  return all.slice(first, last + 1)
}
