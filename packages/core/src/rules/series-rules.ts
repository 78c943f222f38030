import { either, flag, list, Misfit, optional, options, type Rule, text, word } from '../model/check/index.js'
import { BUCKETS_MAX } from '../ports/page.js'
import {
  type ScanQuery,
  SERIES_FUNCTIONS,
  type SeriesDevices,
  type SeriesFigure,
  type SeriesGroups,
  type SeriesQuery,
} from '../ports/series.js'
import { condition } from './condition-rule.js'
import { deviceId, deviceIds, fieldName, fieldNames, time } from './port-rules.js'

/** Readings and functions that are computed together. */
export const FIGURES_MAX = 100
/** Devices that are asked for by their ids. */
export const SERIES_DEVICES_MAX = 1_000

export const scanQuery = options<ScanQuery>({
  deviceIds: list(deviceId, { max: SERIES_DEVICES_MAX }),
  fields: fieldNames,
  from: optional(time),
  to: optional(time),
  order: optional(word('asc', 'desc')),
  having: optional(fieldName),
  one: optional(flag),
  envelope: optional(flag),
})

const EDGES = 'a list of 2 to 20,001 ascending times'
const instants = list(time, { min: 2, max: BUCKETS_MAX + 1 })
const edges: Rule<readonly number[]> = {
  expected: EDGES,
  take(value, at) {
    const taken = instants.take(value, at)
    if (taken.some((edge, index) => index > 0 && edge <= (taken[index - 1] as number)))
      throw new Misfit(at, `must be ${EDGES}`, EDGES)
    return taken
  },
}

const figure = options<SeriesFigure>({ field: fieldName, fn: word(...SERIES_FUNCTIONS) })

export const seriesQuery = options<SeriesQuery>({
  devices: either<SeriesDevices, SeriesDevices>(
    options<{ readonly deviceIds: readonly string[] }>({ deviceIds }),
    options<SeriesDevices & { readonly condition: unknown }>({ condition }),
  ),
  groupBy: either<SeriesGroups, SeriesGroups>(
    word('device', 'all'),
    options<{ readonly label: string }>({ label: text({ max: 63 }) }),
  ),
  figures: list(figure, { min: 1, max: FIGURES_MAX }),
  edges,
  now: time,
})
