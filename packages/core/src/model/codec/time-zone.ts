/**
 * The instant that a clock on the wall means: epoch milliseconds of a local time that is given as if it were UTC. `near`:
 * when somebody heard of it, which tells which of two was meant where the clock was set back.
 */
export type WallClock = (local: number, near?: number) => number

const DAY = 86_400_000
/** Clocks are changed at quarters of an hour. */
const QUARTER = 900_000

const FIXED = /^([+-])(\d\d):?(\d\d)$/

/**
 * The wall clock of `UTC`, of a fixed offset (`+02:00`) or of a zone of the IANA database (`Europe/Berlin`); undefined for
 * a name that is none. Where clocks are set forward the hour that does not exist is read with the offset before it;
 * where they are set back the hour that exists twice is the one nearer to `near`, and the first of the two where that is
 * missing or so far off that it says nothing: further off than the clock was set back by.
 */
export function wallClockOf(name: string): WallClock | undefined {
  if (name === 'UTC' || name === 'Z') return (local) => local
  const fixed = FIXED.exec(name)
  if (fixed !== null) {
    const [hours, minutes] = [Number(fixed[2]), Number(fixed[3])]
    if (hours > 23 || minutes > 59) return undefined
    const offset = (fixed[1] === '-' ? -1 : 1) * (hours * 60 + minutes) * 60_000
    return (local) => local - offset
  }
  return zoneClock(name)
}

function zoneClock(name: string): WallClock | undefined {
  const offsetAt = offsetsOf(name)
  if (offsetAt === undefined) return undefined
  // A device sends many times of one quarter of an hour; asking Intl takes microseconds.
  let known = Number.NaN
  let offsets: Offsets = { offset: 0, second: 0 }
  return (local, near) => {
    const quarter = Math.floor(local / QUARTER)
    if (quarter !== known) {
      offsets = localOffsets(quarter * QUARTER, offsetAt)
      known = quarter
    }
    const { offset, second } = offsets
    if (offset === second || near === undefined) return local - offset
    const [first, other] = [Math.abs(near - (local - offset)), Math.abs(near - (local - second))]
    return other < first && other <= offset - second ? local - second : local - offset
  }
}

interface Offsets {
  readonly offset: number
  /** Of the later instant that the clock shows the same at; else the same. */
  readonly second: number
}

function localOffsets(local: number, offsetAt: (instant: number) => number): Offsets {
  const [before, after] = [offsetAt(local - DAY), offsetAt(local + DAY)]
  if (before === after) return { offset: before, second: before }
  const isBefore = offsetAt(local - before) === before
  const isAfter = offsetAt(local - after) === after
  if (isBefore) return { offset: before, second: isAfter ? after : before }
  return isAfter ? { offset: after, second: after } : { offset: before, second: before }
}

/** What a zone's clock on the wall is ahead of UTC at an instant, in milliseconds; undefined for a name that is none. */
export function offsetsOf(name: string): ((instant: number) => number) | undefined {
  let format: Intl.DateTimeFormat
  try {
    format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      calendar: 'gregory',
      numberingSystem: 'latn',
      era: 'short',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
      hourCycle: 'h23',
    })
  } catch {
    return undefined
  }
  return (instant) => {
    const parts = new Map(format.formatToParts(instant).map(({ type, value }) => [type, value]))
    const part = (type: Intl.DateTimeFormatPartTypes) => Number(parts.get(type))
    const year = parts.get('era') === 'BC' ? 1 - part('year') : part('year')
    const date = new Date(0)
    date.setUTCFullYear(year, part('month') - 1, part('day'))
    date.setUTCHours(part('hour'), part('minute'), part('second'))
    return date.getTime() - Math.floor(instant / 1000) * 1000
  }
}
