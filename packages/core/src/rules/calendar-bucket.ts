import type { Interval } from '../ports/readings.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR

/** Start of the UTC calendar bucket that holds the time, in epoch milliseconds; a week starts on Monday. */
export function calendarBucket(time: number, interval: Interval): number {
  switch (interval) {
    case 'minute':
      return Math.floor(time / MINUTE) * MINUTE
    case 'hour':
      return Math.floor(time / HOUR) * HOUR
    case 'day':
      return Math.floor(time / DAY) * DAY
    case 'week': {
      // Day 0 of the epoch was a Thursday, three days after a Monday.
      const day = Math.floor(time / DAY)
      return (day - ((((day + 3) % 7) + 7) % 7)) * DAY
    }
    case 'month': {
      const date = new Date(time)
      date.setUTCDate(1)
      return date.setUTCHours(0, 0, 0, 0)
    }
  }
}
