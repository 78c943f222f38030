import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Condition } from '../model/selector/condition.js'
import type { DeviceStore } from '../ports/devices.js'
import type { CompleteReadingStore, ReadingStore, StoredSample } from '../ports/readings.js'
import type { ScannedSample, SeriesStore } from '../ports/series.js'
import { badCursor, readCursor, writeCursor } from './cursor.js'
import { foldSeries } from './fold-series.js'
import { readingField } from './series-field.js'

/** What a storage does not have itself is made of what it has. */
export function completeReadings(
  given: ReadingStore,
  devices: Pick<DeviceStore, 'list' | 'find'>,
): CompleteReadingStore {
  const scan: SeriesStore['scan'] = given.scan
    ? (type, query, page) => (given.scan as SeriesStore['scan'])(type, query, page)
    : scanByList(given)
  return {
    list: (type, filter, page) => given.list(type, filter, page),
    get: (type, id, within) => (given.get ? given.get(type, id, within) : getByList(given, type, id, within)),
    latest: (type, deviceIds, within) => given.latest(type, deviceIds, within),
    latestSamples: (type, deviceIds, within) => given.latestSamples(type, deviceIds, within),
    aggregate: (type, query) => given.aggregate(type, query),
    scan,
    series: (type, query) =>
      given.series ? given.series(type, query) : foldSeries(type, query, { scan, devices }),
  }
}

type Listing = Pick<ReadingStore, 'list'>

async function getByList(
  readings: Listing,
  type: AnyDeviceType,
  id: string,
  within: Condition | undefined,
): Promise<StoredSample | null> {
  let cursor: string | undefined
  do {
    const page = await readings.list(type, within === undefined ? {} : { within }, { limit: 1000, cursor })
    const found = page.items.find((sample) => sample.id === id)
    if (found !== undefined) return found
    cursor = page.cursor ?? undefined
  } while (cursor !== undefined)
  return null
}

/** Device by device in the order of their ids in the query: its cursor says which, and where in that one's list. */
const scanByList =
  (readings: Listing): SeriesStore['scan'] =>
  async (type, query, { cursor, ...page }) => {
    const { deviceIds, fields, having, one = false, envelope = false, ...range } = query
    for (const name of having === undefined ? fields : [...fields, having]) readingField(type, name)
    const ids = [...new Set(deviceIds)]
    const toScanned = scannedSample(type, fields, envelope)
    const places = having === undefined ? null : type.readingNames.indexOf(having)
    const has = ({ values }: StoredSample) => places === null || (values[places] ?? null) !== null
    const wanted = having === undefined ? fields : [...new Set([...fields, having])]

    let { index, within } = placeOf(cursor, ids.length)
    while (index < ids.length) {
      const filter = { ...range, deviceId: ids[index] as string, order: range.order ?? 'asc', fields: wanted }
      const { items, cursor: next } = await readings.list(type, filter, { ...page, cursor: within })
      const found = items.filter(has).slice(0, one ? 1 : items.length)
      if (next === null || (one && found.length > 0)) [index, within] = [index + 1, undefined]
      else within = next
      if (found.length > 0)
        return {
          items: found.map(toScanned),
          cursor: index < ids.length ? writeCursor('scan', index, within ?? '') : null,
        }
    }
    return { items: [], cursor: null }
  }

function placeOf(cursor: string | undefined, devices: number) {
  if (cursor === undefined) return { index: 0, within: undefined }
  const { key, tie } = readCursor('scan', cursor)
  if (key < 0 || key >= devices) throw badCursor('scan', cursor)
  return { index: key, within: tie === '' ? undefined : tie }
}

/** A sample with all values of its type, as a scan of these fields gives it. */
export function scannedSample(
  type: AnyDeviceType,
  fields: readonly string[],
  envelope: boolean,
): (sample: StoredSample) => ScannedSample {
  const places = fields.map((name) => type.readingNames.indexOf(name))
  return ({ id, deviceId, timestamp, values, receivedAt, orderAt, sampleId, contentHash, flags }) => ({
    id,
    deviceId,
    timestamp,
    values: places.map((place) => values[place] ?? null),
    envelope: envelope ? { receivedAt, orderAt, sampleId, contentHash, flags } : null,
  })
}
