import {
  accept,
  anything,
  date,
  duration,
  either,
  integer,
  isList,
  list,
  mapOf,
  optional,
  options,
  passes,
  satisfies,
  text,
  word,
} from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { DeviceHubError } from '../model/errors.js'
import type { Condition } from '../model/selector/condition.js'
import { conditionsOf } from '../model/selector/conditions-of.js'
import { labelKey } from '../model/selector/labels.js'
import { BUCKETS_MAX } from '../ports/page.js'
import {
  CALENDAR_UNITS,
  SERIES_FUNCTIONS,
  type SeriesDevices,
  type SeriesFigure,
  type SeriesFunction,
  type SeriesGroups,
} from '../ports/series.js'
import type { BucketSize } from '../rules/bucket-edges.js'
import { seriesField } from '../rules/series-field.js'
import { FIGURES_MAX, SERIES_DEVICES_MAX } from '../rules/series-rules.js'
import { type Zone, zoneOf } from '../rules/zone-stretches.js'

/** A series request once it was checked. */
export interface SeriesSettings {
  /** Null: those of a selector. */
  readonly deviceIds: readonly string[] | null
  readonly devices: SeriesDevices
  readonly groupBy: SeriesGroups
  readonly figures: readonly SeriesFigure[]
  readonly from: number
  readonly to: number
  /** Null: as `points` says. */
  readonly interval: BucketSize | null
  readonly points: number | null
  readonly timeZone: string
  readonly zone: Zone
  readonly fill: 'none' | 'null' | 'previous' | 'linear'
}

type Whose = string | readonly string[] | object

interface Given {
  readonly devices: Whose
  readonly from: Date
  readonly to: Date
  readonly fields:
    | string
    | readonly string[]
    | Readonly<Record<string, SeriesFunction | readonly SeriesFunction[]>>
  readonly fn?: SeriesFunction | readonly SeriesFunction[]
  readonly groupBy?: SeriesGroups
  readonly interval?: BucketSize
  readonly points?: number
  readonly timeZone?: string
  readonly fill?: SeriesSettings['fill']
}

const CALL = 'readings.series'
const NAME = text({ max: 63 })
const NAMES = either(NAME, list(NAME, { min: 1, max: FIGURES_MAX }))
const FN = word(...SERIES_FUNCTIONS)
const FNS = either(FN, list(FN, { min: 1, max: SERIES_FUNCTIONS.length }))
const IDS = either(text({ max: 255 }), list(text({ max: 255 }), { max: SERIES_DEVICES_MAX }))
const RANGE = { devices: anything<Whose>('a device id, a list of them, or a selector'), from: date, to: date }

const REQUEST = options<Given>({
  ...RANGE,
  fields: either(NAMES, mapOf(FNS, 'readings by name')),
  fn: optional(FNS),
  groupBy: optional(
    either<SeriesGroups, SeriesGroups>(
      word('device', 'all'),
      options<{ readonly label: string }>({ label: labelKey }),
    ),
  ),
  interval: optional(
    either<BucketSize, BucketSize>(word(...CALENDAR_UNITS), duration({ min: '1ms', max: '36500d' })),
  ),
  points: optional(integer({ min: 2, max: BUCKETS_MAX })),
  timeZone: optional(
    satisfies<string>(
      'UTC, an offset such as +02:00, or the name of a time zone such as Europe/Berlin',
      (value) => typeof value === 'string' && zoneOf(value) !== undefined,
    ),
  ),
  fill: optional(word('none', 'null', 'previous', 'linear')),
})

interface GivenShape {
  readonly devices: Whose
  readonly from: Date
  readonly to: Date
  readonly fields: string | readonly string[]
  readonly fn: 'shape'
  readonly points: number
}

const SHAPE = options<GivenShape>({
  ...RANGE,
  fields: NAMES,
  fn: word('shape'),
  points: integer({ min: 4, max: BUCKETS_MAX }),
})

/** A shape request once it was checked. */
export interface ShapeSettings extends Pick<SeriesSettings, 'deviceIds' | 'devices' | 'from' | 'to'> {
  readonly fields: readonly string[]
  readonly points: number
}

export function acceptSeries(type: AnyDeviceType, request: unknown, now: number): SeriesSettings {
  const {
    timeZone = 'UTC',
    groupBy = 'device',
    fill = 'none',
    ...given
  } = accept(CALL, 'request', REQUEST, request, 'invalid_query')
  const { interval = null, points = null } = given
  if (interval !== null && points !== null) throw refuse('take either interval or points', 'interval')
  const figures = figuresOf(given)
  if (figures.length > FIGURES_MAX)
    throw refuse(`asks for ${figures.length} figures; at most ${FIGURES_MAX} a call`, 'fields')
  for (const figure of figures) seriesField(type, figure)
  return {
    ...whoseOf(type, given.devices, now),
    ...rangeOf(given),
    groupBy,
    figures,
    interval,
    points,
    timeZone,
    zone: zoneOf(timeZone) as Zone,
    fill,
  }
}

export function acceptShape(type: AnyDeviceType, request: unknown, now: number): ShapeSettings {
  const given = accept(CALL, 'request', SHAPE, request, 'invalid_query')
  const fields = [...new Set([given.fields].flat())]
  // What needs a number.
  for (const field of fields) seriesField(type, { field, fn: 'avg' })
  return { ...whoseOf(type, given.devices, now), ...rangeOf(given), fields, points: given.points }
}

export const isShape = (request: unknown): boolean =>
  passes((given) => (given as { readonly fn?: unknown }).fn === 'shape', request)

const refuse = (problem: string, key: string) =>
  new DeviceHubError('invalid_query', `${CALL}: ${problem}`, { details: { function: CALL, key } })

function figuresOf({ fields, fn }: Pick<Given, 'fields' | 'fn'>): SeriesFigure[] {
  const isList = typeof fields === 'string' || Array.isArray(fields)
  if (isList && fn === undefined)
    throw refuse(`fn is missing; it must be ${FNS.expected}, or stand with each reading`, 'fn')
  if (!isList && fn !== undefined)
    throw refuse('fn stands with each reading already: leave it out, or give fields as a list', 'fn')
  const byName = isList
    ? [fields as string | readonly string[]].flat().map((field) => [field, fn as Given['fn']] as const)
    : Object.entries(fields)
  if (byName.length === 0) throw refuse('fields must name one reading at least', 'fields')
  const seen = new Map<string, SeriesFigure>()
  for (const [field, fns] of byName)
    for (const each of [fns ?? []].flat()) seen.set(`${each} ${field}`, { field, fn: each })
  return [...seen.values()]
}

function rangeOf({ from, to }: Pick<Given, 'from' | 'to'>) {
  if (from < to) return { from: from.getTime(), to: to.getTime() }
  throw refuse('to must be later than from', 'to')
}

function whoseOf(type: AnyDeviceType, devices: unknown, now: number) {
  if (typeof devices === 'string' || isList(devices)) {
    const deviceIds = [...new Set([accept(CALL, 'devices', IDS, devices, 'invalid_query')].flat())]
    return { deviceIds, devices: { deviceIds: deviceIds.filter((id) => id.length <= 128) } }
  }
  const condition = conditionsOf(CALL, [type], devices, now).get(type) as Condition
  return { deviceIds: null, devices: { condition } }
}
