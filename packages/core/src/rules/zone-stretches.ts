import { offsetsOf } from '../model/codec/time-zone.js'

/** A time in which a zone's clocks ran evenly. */
export interface Stretch {
  /** What they were ahead of UTC, milliseconds. */
  readonly offset: number
  /** When it ends, epoch milliseconds, exclusive. The next one may have the same offset. */
  readonly end: number
}

/** A time zone as its stretches. */
export interface Zone {
  /** The stretch that holds an instant. */
  at(instant: number): Stretch
}

const DAY = 86_400_000
/** No zone of the database changed its clocks twice within so short a time. */
const CELL = 8 * DAY
/** Cells that are remembered of a zone, and zones: one takes microseconds to be found again. */
const CELLS_MAX = 4_000
const ZONES_MAX = 64
const FIXED = /^([+-])(\d\d):?(\d\d)$/

const zones = new Map<string, Zone>()

/** Of `UTC`, a fixed offset (`+02:00`) or a zone of the IANA database; undefined for a name that is none. */
export function zoneOf(name: string): Zone | undefined {
  const known = zones.get(name)
  if (known !== undefined) return known
  const zone = fixedZone(name) ?? namedZone(name)
  if (zone === undefined) return undefined
  if (zones.size >= ZONES_MAX) zones.clear()
  zones.set(name, zone)
  return zone
}

function fixedZone(name: string): Zone | undefined {
  const [, sign, hours, minutes] =
    name === 'UTC' || name === 'Z' ? ['', '+', '0', '0'] : (FIXED.exec(name) ?? [])
  if (sign === undefined || Number(hours) > 23 || Number(minutes) > 59) return undefined
  const offset = (sign === '-' ? -1 : 1) * (Number(hours) * 60 + Number(minutes)) * 60_000
  const always = { offset, end: Number.POSITIVE_INFINITY }
  return { at: () => always }
}

function namedZone(name: string): Zone | undefined {
  const offsetAt = offsetsOf(name)
  if (offsetAt === undefined) return undefined
  const cells = new Map<number, readonly Stretch[]>()
  const cellOf = (index: number) => {
    const known = cells.get(index)
    if (known !== undefined) return known
    const found = stretchesWithin(index * CELL, (index + 1) * CELL, offsetAt)
    if (cells.size >= CELLS_MAX) cells.clear()
    cells.set(index, found)
    return found
  }
  return {
    at(instant) {
      const stretches = cellOf(Math.floor(instant / CELL))
      return stretches.find(({ end }) => instant < end) as Stretch
    },
  }
}

function stretchesWithin(start: number, end: number, offsetAt: (instant: number) => number): Stretch[] {
  const [first, last] = [offsetAt(start), offsetAt(end)]
  if (first === last) return [{ offset: first, end }]
  // When the clocks were changed, to the millisecond.
  let [before, after] = [start, end]
  while (after - before > 1) {
    const middle = Math.floor((before + after) / 2)
    if (offsetAt(middle) === first) before = middle
    else after = middle
  }
  return [
    { offset: first, end: after },
    { offset: last, end },
  ]
}
