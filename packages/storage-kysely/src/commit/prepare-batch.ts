import { type AnyDeviceType, DeviceHubError } from '@devicehub/core'
import {
  addToLatest,
  type CommitBatch,
  type CommitEntry,
  type DeviceTouch,
  type LatestRow,
  latestRowOf,
  type NewSample,
  withFlag,
  withSampleOutcomes,
} from '@devicehub/core/storage'
import type { TouchGroup, Writes, WrittenIds } from '../connection/connection.js'
import type { LatestShape } from '../rows/latest-columns.js'
import { MESSAGE_COLUMNS, type MessageRow } from '../rows/message-columns.js'
import type { SampleRow } from '../rows/sample-columns.js'
import { tableNames, UNROUTED_MESSAGE_TABLE } from '../schema/tables.js'
import { buildInsert, type Insert } from './columns.js'
import type { FoundSamples } from './find-duplicates.js'
import type { KnownTypes } from './known-types.js'

export const messageTableOf = (type: AnyDeviceType | null): string =>
  type ? tableNames(type).message : UNROUTED_MESSAGE_TABLE

/** The rows of a batch, by table and as columns. `storage_failed` for values that no database should take. */
export function prepareWrites(known: KnownTypes, batch: CommitBatch, found?: FoundSamples): Writes {
  const messages = new Map<string, MessageRow[]>()
  const samples = new Map<string, SampleGroup>()
  batch.entries.forEach((entry, position) => {
    const { type } = entry
    if (type) known.shapeOf(type)
    const message = found === undefined ? entry.message : settledMessage(entry, position, found)
    push(messages, messageTableOf(type), { message, replayOf: entry.replayOf })
    if (entry.samples.length > 0) addSamples(samples, entry, position, found)
  })
  const inserts = [
    ...[...messages].map(([table, rows]) => {
      const insert = buildInsert(table, MESSAGE_COLUMNS, rows)
      return batch.wantsIds ? { ...insert, returnsIds: true } : insert
    }),
    ...[...samples].flatMap(([table, { type, rows, orderLimit }]) => {
      const { columns, latest } = known.shapeOf(type)
      const insert = buildInsert(table, columns, rows)
      return latest === null ? [insert] : [insert, latestOf(type, latest, rows, orderLimit)]
    }),
  ]
  return {
    inserts: inserts.sort((a, b) => compare(a.table, b.table)),
    touches: groupTouches(known, batch.touches),
  }
}

/** Sorted by device id: so two writers never deadlock. */
function latestOf(
  type: AnyDeviceType,
  { columns, upsert }: LatestShape,
  samples: readonly SampleRow[],
  limit: number,
): Insert {
  const rows = new Map<string, LatestRow>()
  for (const sample of samples) {
    const row = rows.get(sample.deviceId)
    if (row) addToLatest(row, sample, limit)
    else rows.set(sample.deviceId, latestRowOf(sample))
  }
  const sorted = [...rows.values()].sort((a, b) => compare(a.deviceId, b.deviceId))
  return { ...buildInsert(tableNames(type).latest, columns, sorted), upsert: { ...upsert, limit } }
}

/** The ids of the message rows by entry: each table has them in the order of the entries. */
export function messageIdsOf({ entries }: CommitBatch, written: WrittenIds): (string | null)[] {
  const next = new Map<string, number>()
  return entries.map(({ type }) => {
    const table = messageTableOf(type)
    const at = next.get(table) ?? 0
    next.set(table, at + 1)
    const id = written.get(table)?.[at]
    return id === undefined ? null : String(id)
  })
}

interface SampleGroup {
  readonly type: AnyDeviceType
  readonly rows: SampleRow[]
  /** The highest of the entries. */
  orderLimit: number
}

const settledMessage = ({ message, samples }: CommitEntry, position: number, found: FoundSamples) =>
  withSampleOutcomes(message, samples, {
    duplicates: found.duplicates.get(position),
    reused: found.reused.get(position),
  })

const withReusedId = <Row extends { readonly flags: string | null }>(row: Row): Row => ({
  ...row,
  flags: withFlag(row.flags, 'id_reused'),
})

function addSamples(
  samples: Map<string, SampleGroup>,
  { type, samples: given, orderLimit = Number.POSITIVE_INFINITY }: CommitEntry,
  position: number,
  found: FoundSamples | undefined,
): void {
  if (!type) throw new DeviceHubError('storage_failed', 'A message of no known type cannot carry samples.')
  const table = tableNames(type).reading
  let group = samples.get(table)
  const expected = type.readingNames.length
  const reused = new Set(found?.reused.get(position))
  for (let index = 0; index < given.length; index++) {
    const sample = given[index] as NewSample
    if (sample.values.length !== expected)
      throw new DeviceHubError(
        'storage_failed',
        `A sample of ${sample.deviceId} was refused: it has ${sample.values.length} values for ${expected} columns.`,
      )
    if (found?.isDuplicate(position, index)) continue
    if (!group) {
      group = { type, rows: [], orderLimit }
      samples.set(table, group)
    }
    group.orderLimit = Math.max(group.orderLimit, orderLimit)
    const flagged = reused.has(index) ? withReusedId(sample) : sample
    const reuse = found?.reuseOf(position, index) ?? 0
    group.rows.push(reuse === 0 ? flagged : { ...flagged, reuse })
  }
}

function groupTouches(known: KnownTypes, touches: readonly DeviceTouch[]): TouchGroup[] {
  const groups = new Map<string, DeviceTouch[]>()
  for (const touch of touches) {
    known.shapeOf(touch.type)
    push(groups, tableNames(touch.type).device, touch)
  }
  return [...groups]
    .sort(([a], [b]) => compare(a, b))
    .map(([table, group]) => {
      const sorted = group.sort((a, b) => compare(a.deviceId, b.deviceId))
      return {
        table,
        deviceIds: sorted.map(({ deviceId }) => deviceId),
        times: sorted.map(({ lastSeen }) => lastSeen),
      }
    })
}

function push<K, V>(lists: Map<K, V[]>, key: K, value: V): void {
  const list = lists.get(key)
  if (list) list.push(value)
  else lists.set(key, [value])
}

export const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
