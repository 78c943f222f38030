import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { DeviceStore } from '../ports/devices.js'
import type {
  ScannedSample,
  ScanQuery,
  SeriesGroups,
  SeriesQuery,
  SeriesRow,
  SeriesStore,
} from '../ports/series.js'
import { devicePages } from './each-device.js'
import { seriesField } from './series-field.js'
import { createSeriesFold, type Known } from './series-fold.js'

/** What a series is computed of. */
export interface SeriesSource {
  /** Samples, device by device. */
  readonly scan: SeriesStore['scan']
  /** Finds those that a condition says. */
  readonly devices: Pick<DeviceStore, 'list' | 'find'>
}

/** Devices that are gone through together, and samples of a page. */
const DEVICES = 200
const PAGE = 10_000

/**
 * A series out of the samples themselves, page by page, for what a database has no words for. Over the values that are not
 * null, by measured time, and by id where times are equal:
 *
 * - `avg`, `sum`, `min`, `max`, `count`, `first`, `last` as an aggregate, in the order of the times as they are stored.
 * - `p50`, `p95`, `p99`: between two values by their distance, as `percentile_cont` of SQL.
 * - `timeAvg`: a value holds from its time until that of the next one, the last one until `to`, or until now if that is
 *   earlier; the first of the range is what held before it. Each counts by how long it held within the bucket. Null where
 *   none is known.
 * - `delta`: by how much a counter rose. Between two samples it rises evenly, so that a gap over an edge is split by
 *   time, those over `from` and `to` too. One that shows less than before was reset to zero in between, and rose by what it
 *   shows. Null where it has no two samples around.
 *
 * Of several devices: `avg`, percentiles and the like are over all samples together, `timeAvg` is weighted by the time of each, and
 * `delta` is the sum of what each rose by.
 */
export async function foldSeries(
  type: AnyDeviceType,
  query: SeriesQuery,
  source: SeriesSource,
): Promise<SeriesRow[]> {
  for (const figure of query.figures) seriesField(type, figure)
  const fold = createSeriesFold(query)
  const [from = 0, to = 0] = [query.edges[0], query.edges.at(-1)]
  const ofFn = (fn: string) => [
    ...new Set(query.figures.filter((figure) => figure.fn === fn).map(({ field }) => field)),
  ]
  const [held, counters] = [ofFn('timeAvg'), ofFn('delta')]
  const needBefore = [...new Set([...held, ...counters])]

  for await (const groups of groupedDevices(type, query, source)) {
    const deviceIds = [...groups.keys()]
    const neighbours = (fields: readonly string[], range: Partial<ScanQuery>) =>
      valuesBeside(type, source, deviceIds, fields, range)
    const before = await neighbours(needBefore, { to: from, order: 'desc' })
    const after = await neighbours(counters, { from: to, order: 'asc' })
    let current: string | null = null
    const end = (deviceId: string) => {
      fold.end((field) => after.get(field)?.get(deviceId))
      for (const known of before.values()) known.delete(deviceId)
    }
    const begin = (deviceId: string) => {
      fold.begin(groups.get(deviceId) ?? null, (field) => before.get(field)?.get(deviceId))
      current = deviceId
    }
    const wanted = { deviceIds, fields: fold.fields, from, to }
    for await (const page of scannedPages(type, source, wanted))
      for (const sample of page) {
        if (sample.deviceId !== current) {
          if (current !== null) end(current)
          begin(sample.deviceId)
        }
        fold.add(sample)
      }
    if (current !== null) end(current)
    // What held, or went on, all the time.
    const silent = new Set([...before.values()].flatMap((of) => [...of.keys()]))
    for (const deviceId of silent) {
      begin(deviceId)
      end(deviceId)
    }
  }
  return fold.rows()
}

/** Devices with their groups, some at a time. */
async function* groupedDevices(
  type: AnyDeviceType,
  { devices: whose, groupBy }: SeriesQuery,
  { devices }: SeriesSource,
): AsyncGenerator<ReadonlyMap<string, string | null>> {
  if ('deviceIds' in whose) {
    const ids = [...new Set(whose.deviceIds)]
    for (let at = 0; at < ids.length; at += DEVICES) {
      const part = ids.slice(at, at + DEVICES)
      const labels = new Map<string, Readonly<Record<string, string>>>()
      if (typeof groupBy === 'object')
        for (const device of await devices.find(type, part)) labels.set(device.deviceId, device.labels)
      yield new Map(part.map((id) => [id, groupOf(groupBy, id, labels.get(id) ?? {})]))
    }
    return
  }
  for await (const page of devicePages(devices, type, whose.condition, DEVICES))
    yield new Map(page.map(({ deviceId, labels }) => [deviceId, groupOf(groupBy, deviceId, labels)]))
}

function groupOf(
  groupBy: SeriesGroups,
  deviceId: string,
  labels: Readonly<Record<string, string>>,
): string | null {
  if (groupBy === 'device') return deviceId
  if (groupBy === 'all') return null
  return Object.hasOwn(labels, groupBy.label) ? (labels[groupBy.label] ?? null) : null
}

/** By reading and device, the nearest value outside the range. */
async function valuesBeside(
  type: AnyDeviceType,
  source: SeriesSource,
  deviceIds: readonly string[],
  fields: readonly string[],
  range: Partial<ScanQuery>,
): Promise<Map<string, Map<string, Known>>> {
  const found = new Map<string, Map<string, Known>>()
  for (const field of fields) {
    const of = new Map<string, Known>()
    const query = { deviceIds, fields: [field], having: field, one: true, ...range }
    for await (const page of scannedPages(type, source, query))
      for (const { deviceId, timestamp, values } of page)
        of.set(deviceId, { at: timestamp, value: values[0] as number })
    found.set(field, of)
  }
  return found
}

/** Not sample by sample: waiting for each would cost more than all the rest. */
async function* scannedPages(
  type: AnyDeviceType,
  { scan }: SeriesSource,
  query: ScanQuery,
): AsyncGenerator<readonly ScannedSample[]> {
  let cursor: string | undefined
  do {
    const page = await scan(type, query, { limit: PAGE, cursor })
    yield page.items
    cursor = page.cursor ?? undefined
  } while (cursor !== undefined)
}
