/** What a device said, and when. Times in epoch milliseconds. */
export interface DatedNews {
  /** The device's own time of it. */
  readonly claimedAt: number
  /** When it came in, by the hub's clock. */
  readonly at: number
  /** It was sent just now, whatever the clocks say. */
  readonly isLive: boolean
}

/**
 * Whether a device dates this before what it said last, so that it is old news. Not when it is live, and the last time
 * was ahead of now while this one is not: then the device's clock was fast and was set right.
 */
export const isDatedBack = ({ claimedAt, at, isLive }: DatedNews, last: number): boolean =>
  claimedAt < last && !(isLive && last > at && claimedAt <= at)
