import { accept, anything, date, isList, list, optional, options, text } from '../model/check/index.js'
import { fromStored } from '../model/codec/stored-value.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { Field } from '../model/device-type/field.js'
import type { Condition } from '../model/selector/condition.js'
import { conditionsOf } from '../model/selector/conditions-of.js'
import type { DeviceSort } from '../ports/devices.js'
import type { ScannedSample, ScanQuery } from '../ports/series.js'
import { compareText } from '../rules/list-devices.js'
import { readingField } from '../rules/series-field.js'
import type { ApiStorage } from './api-storage.js'
import { badExportCursor, isUpTo, readExportCursor, writeExportCursor } from './export-cursor.js'
import type { Export, ExportedReading, ReadingExportQuery } from './export-request.js'
import { OWN_COLUMNS, readingColumn } from './export-text.js'

const CALL = 'readings.export'
const LIST = 'readings'
/** Rows of a page, which is in memory. */
const PAGE_ROWS = 2_000
/** Ids of devices that are read ahead. */
const DEVICES = 500
/** Devices whose samples are read together, as long as they fit one page. */
const TOGETHER = 100
const BY_ID: DeviceSort = { by: { of: 'device', name: 'deviceId' }, descending: false }
const ID = text({ max: 255 })

interface Given {
  readonly devices?: object | string
  readonly fields?: readonly string[]
  readonly from?: Date
  readonly to?: Date
  readonly after?: string | undefined
}

const QUERY = options<Given>({
  devices: optional(anything<object | string>('a device id, a list of them, or a selector')),
  fields: optional(list(text({ max: 63 }), { min: 1, max: 2_000 })),
  from: optional(date),
  to: optional(date),
  after: optional(text({ max: 2_048 })),
})

/** Kinds whose values are JSON. */
const isJson = (field: Field | undefined): boolean => field?.kind === 'json' || field?.kind === 'geo'

interface Place {
  readonly deviceId: string
  readonly timestamp: number
  readonly id: string
}

type Row = ExportedReading<AnyDeviceType>

/** Device by device in the order of their ids, each device's samples by measured time. */
export function exportReadings<T extends AnyDeviceType, Name extends string>(
  storage: Pick<ApiStorage, 'readings' | 'devices'>,
  type: T,
  query: ReadingExportQuery<T, Name>,
  now: number,
): Export<ExportedReading<T, Name>> {
  const {
    devices,
    fields = type.readingNames,
    from,
    to,
    after,
  } = accept(CALL, 'query', QUERY, query as Given, 'invalid_query')
  for (const name of fields) readingField(type, name)
  const names = [...new Set(fields)]
  const scan = {
    fields: names,
    envelope: true,
    ...(from === undefined ? {} : { from: from.getTime() }),
    ...(to === undefined ? {} : { to: to.getTime() }),
  }
  const start = after === undefined ? null : placeOf(type, after)
  const ids = idsOf(storage, type, devices ?? {}, now)
  const rows = async function* (): AsyncGenerator<Row> {
    const toRow = rowOf(type, names)
    for await (const sample of samples(storage, type, scan, ids(start?.deviceId), start)) yield toRow(sample)
  }
  const columns = [
    ...OWN_COLUMNS.map((name) => ({ name, isJson: false })),
    ...names.map((name) => ({ name: readingColumn(name), isJson: isJson(type.readings[name]) })),
  ]
  return {
    columns,
    [Symbol.asyncIterator]: rows as unknown as () => AsyncGenerator<ExportedReading<T, Name>>,
  }
}

function placeOf({ key }: AnyDeviceType, after: string): Place {
  const [typeKey, deviceId = '', time, id = ''] = readExportCursor(CALL, LIST, 4, after)
  const timestamp = Number(time)
  if (typeKey !== key || time === '' || !Number.isSafeInteger(timestamp)) throw badExportCursor(CALL)
  return { deviceId, timestamp, id }
}

/** The ids from one on, in their order; each call reads them anew. */
function idsOf(
  { devices: store }: Pick<ApiStorage, 'readings' | 'devices'>,
  type: AnyDeviceType,
  devices: object | string,
  now: number,
) {
  if (typeof devices === 'string' || isList(devices)) {
    const given = accept(CALL, 'devices', list(ID), [devices].flat(), 'invalid_query')
    // No device has a longer one.
    const ids = [...new Set(given)].filter((id) => id.length <= 128).sort(compareText)
    return async function* (from = '') {
      for (const id of ids) if (compareText(id, from) >= 0) yield id
    }
  }
  const condition = conditionsOf(CALL, [type], devices, now).get(type) as Condition
  return async function* (from?: string) {
    let after = from === undefined ? undefined : { value: from, deviceId: from }
    for (let inclusive = true, more = true; more; inclusive = false) {
      const page = await store.list(type, condition, { limit: DEVICES, sort: BY_ID, after, inclusive })
      for (const { record } of page.items) yield record.deviceId
      after = page.items.at(-1)?.position as typeof after
      more = page.more
    }
  }
}

async function* samples(
  { readings }: Pick<ApiStorage, 'readings' | 'devices'>,
  type: AnyDeviceType,
  query: Omit<ScanQuery, 'deviceIds'>,
  ids: AsyncIterable<string>,
  start: Place | null,
): AsyncGenerator<ScannedSample> {
  /** Pages of some devices; of one the rows are in their order. */
  async function* pages(deviceIds: readonly string[], behind: Place | null) {
    const from = Math.max(
      query.from ?? Number.NEGATIVE_INFINITY,
      behind?.timestamp ?? Number.NEGATIVE_INFINITY,
    )
    const asked = { ...query, deviceIds, ...(Number.isFinite(from) ? { from } : {}) }
    for (let cursor: string | undefined; ; ) {
      const page = await readings.scan(type, asked, { limit: PAGE_ROWS, cursor })
      yield page
      if (page.cursor === null) return
      cursor = page.cursor
    }
  }

  async function* ofOne(deviceId: string, behind: Place | null) {
    let isReached = behind === null
    for await (const { items } of pages([deviceId], behind))
      for (const sample of items) {
        // Of equal times by id: the row of the cursor may be gone.
        const isBehind =
          isReached ||
          sample.timestamp > (behind?.timestamp ?? 0) ||
          isUpTo(sample.id, behind?.id ?? '') === false
        if (isBehind) yield sample
        isReached = isBehind || sample.id === behind?.id
      }
  }

  /** Several at once while they fit one page: most devices of a large fleet have few samples in a short time. */
  let size = 1
  let patience = 0
  async function* ofSome(deviceIds: readonly string[]) {
    if (deviceIds.length > 1) {
      const { value: page } = await pages(deviceIds, null).next()
      if (page && page.cursor === null) {
        const byDevice = new Map<string, ScannedSample[]>(deviceIds.map((id) => [id, []]))
        for (const sample of page.items) byDevice.get(sample.deviceId)?.push(sample)
        for (const own of byDevice.values()) yield* own
        size = Math.min(size * 4, TOGETHER)
        return
      }
      size = 1
      patience = 64
    }
    for (const id of deviceIds) yield* ofOne(id, null)
    if (patience > 0) patience--
    else size = Math.min(size * 4, TOGETHER)
  }

  let waiting: string[] = []
  for await (const id of ids) {
    if (start !== null && id === start.deviceId) {
      yield* ofOne(id, start)
      continue
    }
    waiting.push(id)
    if (waiting.length < size) continue
    yield* ofSome(waiting)
    waiting = []
  }
  if (waiting.length > 0) yield* ofSome(waiting)
}

function rowOf(type: AnyDeviceType, names: readonly string[]) {
  const fields = names.map((name) => [name, type.readings[name] as Field] as const)
  return ({ id, deviceId, timestamp, values, envelope }: ScannedSample): Row => {
    const readings: Record<string, unknown> = {}
    fields.forEach(([name, field], index) => {
      readings[name] = fromStored(field, values[index] ?? null)
    })
    return {
      id,
      deviceId,
      measuredAt: new Date(timestamp),
      receivedAt: new Date(envelope?.receivedAt ?? timestamp),
      sampleId: envelope?.sampleId ?? null,
      flags: envelope?.flags?.split(' ') ?? [],
      readings,
      cursor: writeExportCursor(LIST, type.key, deviceId, timestamp, id),
    }
  }
}
