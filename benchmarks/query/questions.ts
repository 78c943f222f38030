import { randomInt } from 'node:crypto'
import type { DeviceHub } from '@devicehub/core'
import type { Kysely } from 'kysely'
import { type Ask, byHand } from './by-hand.js'
import { BUSIEST, deviceId, FROM, MEASURING, SITES, Station, TO } from './fleet.js'
import type { Dialect } from './load.js'

/** What is asked, with another device or site each time; both sides are asked the same. */
export interface Question {
  readonly name: string
  /** How often, for a percentile. Those of seconds less often. */
  readonly times: number
  /** Whether it goes through a table from its beginning to its end, rightly. */
  readonly scans: boolean
  draw(): Draw
}

interface Draw {
  ours(): Promise<unknown>
  byHand(): Promise<unknown>
}

/** The one that an index by time serves. */
export const NEWEST = '100 newest of all devices'
const DAY = 86_400_000
const ZONE = 'Europe/Berlin'
const FN = ['avg', 'min', 'max'] as const

export function questionsOf(
  hub: DeviceHub,
  db: Kysely<unknown>,
  dialect: Dialect,
  quick: boolean,
): readonly Question[] {
  const hand = byHand(db, dialect)
  const [often, seldom] = quick ? [30, 3] : [200, 7]
  const measuring = () => deviceId(randomInt(MEASURING))
  const hundred = () => Array.from({ length: 100 }, measuring)
  const year = { from: new Date(FROM), to: new Date(TO) }
  const all = Array.from({ length: MEASURING }, (_, index) => deviceId(index))
  const question = <T>(
    name: string,
    times: number,
    draw: () => T,
    ours: (drawn: T) => Promise<unknown>,
    other: (ask: Ask, drawn: T) => Promise<unknown>,
    scans = false,
  ): Question => ({
    name,
    times,
    scans,
    draw() {
      const drawn = draw()
      return { ours: () => ours(drawn), byHand: () => other(hand, drawn) }
    },
  })
  const none = () => undefined
  const selector = (site: string) => ({
    labels: { site },
    batteryLevel: { lt: 50 },
    state: { mode: 'eco' as const },
  })
  const site = () => `s${randomInt(SITES)}`

  return [
    question(
      'latest of 100 devices',
      often,
      hundred,
      (ids) => hub.readings.latestSamplesOf(Station, ids),
      (ask, ids) => ask.latest(ids),
    ),
    question(
      'last values of 100 devices',
      often,
      hundred,
      (ids) => hub.readings.latestOf(Station, ids),
      (ask, ids) => ask.lastValues(ids),
    ),
    question(
      '100 newest of a device',
      often,
      measuring,
      (id) => hub.readings.list(Station, { deviceId: id, limit: 100 }),
      (ask, id) => ask.newestOf(id),
    ),
    question(
      NEWEST,
      often,
      none,
      () => hub.readings.list(Station, { limit: 100 }),
      (ask) => ask.newest(),
    ),
    question(
      'page by label and state',
      often,
      site,
      (of) => hub.devices.list(Station, { ...selector(of), sort: '-batteryLevel', limit: 50 }),
      (ask, of) => ask.page(of),
    ),
    question(
      'count by label and state',
      often,
      site,
      (of) => hub.devices.count(Station, selector(of)),
      (ask, of) => ask.count(of),
    ),
    question(
      'fleet overview',
      seldom * 2,
      none,
      () => hub.devices.overview(Station, { byLabels: ['site'] }),
      (ask) => ask.overview(),
      true,
    ),
    question(
      'a day by minute',
      often,
      () => FROM + randomInt(364) * DAY,
      (from) =>
        hub.readings.series(Station, {
          devices: BUSIEST,
          fields: 'temperature',
          fn: FN,
          from: new Date(from),
          to: new Date(from + DAY),
          interval: '1m',
        }),
      (ask, from) => ask.dayByMinute(BUSIEST, from),
    ),
    question(
      'a year by day',
      seldom,
      none,
      () =>
        hub.readings.series(Station, {
          devices: BUSIEST,
          fields: 'temperature',
          fn: FN,
          ...year,
          interval: 'day',
          timeZone: ZONE,
        }),
      (ask) => ask.yearByDay(BUSIEST),
      true,
    ),
    question(
      'a year of 1,000 devices by day',
      seldom,
      none,
      () =>
        hub.readings.series(Station, {
          devices: all,
          groupBy: 'all',
          fields: 'temperature',
          fn: FN,
          ...year,
          interval: 'day',
          timeZone: ZONE,
        }),
      (ask) => ask.fleetByDay(all),
      true,
    ),
    question(
      '800 points of a year',
      seldom,
      none,
      () =>
        hub.readings.series(Station, {
          devices: BUSIEST,
          fields: 'temperature',
          fn: FN,
          ...year,
          points: 800,
        }),
      (ask) => ask.points(BUSIEST),
      true,
    ),
    question(
      'shape of a year',
      seldom,
      none,
      () =>
        hub.readings.series(Station, {
          devices: BUSIEST,
          fields: 'temperature',
          fn: 'shape',
          points: 800,
          ...year,
        }),
      (ask) => ask.shape(BUSIEST),
      true,
    ),
    question(
      'messages of a device',
      often,
      measuring,
      (id) => hub.messages.list(Station, { deviceId: id, limit: 50 }),
      (ask, id) => ask.messages(id),
    ),
  ]
}
