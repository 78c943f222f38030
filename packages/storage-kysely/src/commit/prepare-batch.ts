import {
  type AnyDeviceType,
  type CommitBatch,
  type CommitEntry,
  DeviceHubError,
  type DeviceTouch,
  type NewSample,
} from '@devicehub/core'
import type { TouchGroup, Writes, WrittenIds } from '../connection/connection.js'
import { MESSAGE_COLUMNS, type MessageRow } from '../rows/message-columns.js'
import { type SampleShape, sampleShape } from '../rows/sample-columns.js'
import { tableNames, UNROUTED_MESSAGE_TABLE } from '../schema/tables.js'
import { buildInsert } from './columns.js'

/** The types a storage was opened with, and how their rows look. */
export interface KnownTypes {
  /** `unknown_type` when the storage was not opened with it. */
  shapeOf(type: AnyDeviceType): SampleShape
  has(typeKey: string): boolean
}

export function knownTypes(types: readonly AnyDeviceType[]): KnownTypes {
  const shapes = new Map(types.map((type) => [type.key, sampleShape(type)]))
  return {
    has: (typeKey) => shapes.has(typeKey),
    shapeOf(type) {
      const shape = shapes.get(type.key)
      if (shape === undefined)
        throw new DeviceHubError(
          'unknown_type',
          `The storage was not opened with the device type ${type.name}. Pass it to the hub in \`types\`.`,
          { details: { type: type.name } },
        )
      return shape
    },
  }
}

/** What was found to be stored before, of a batch. */
export interface KnownDuplicates {
  readonly isDuplicate: (sample: NewSample, entry: number, index: number) => boolean
  readonly isWholeDuplicate: (entry: number) => boolean
}

export const messageTableOf = (type: AnyDeviceType | null): string =>
  type ? tableNames(type).message : UNROUTED_MESSAGE_TABLE

/** The rows of a batch, by table and in columns. Throws for what no database should take. */
export function prepareWrites(known: KnownTypes, batch: CommitBatch, found?: KnownDuplicates): Writes {
  const messages = new Map<string, MessageRow[]>()
  const samples = new Map<string, { type: AnyDeviceType; rows: NewSample[] }>()
  batch.entries.forEach((entry, position) => {
    const { type, message } = entry
    if (type) known.shapeOf(type)
    const status = found?.isWholeDuplicate(position) ? 'duplicate' : message.status
    push(messages, messageTableOf(type), { message, status, replayOf: entry.replayOf })
    if (entry.samples.length > 0) addSamples(samples, entry, position, found)
  })
  const inserts = [
    ...[...messages].map(([table, rows]) => {
      const insert = buildInsert(table, MESSAGE_COLUMNS, rows)
      return batch.wantsIds ? { ...insert, returnsIds: true } : insert
    }),
    ...[...samples].map(([table, { type, rows }]) => buildInsert(table, known.shapeOf(type).columns, rows)),
  ]
  return {
    inserts: inserts.sort((a, b) => compare(a.table, b.table)),
    touches: groupTouches(known, batch.touches),
  }
}

/** The ids of the rows of a batch's messages, by entry: each table's are in the order of the entries. */
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

function addSamples(
  samples: Map<string, { type: AnyDeviceType; rows: NewSample[] }>,
  { type, samples: given }: CommitEntry,
  position: number,
  found: KnownDuplicates | undefined,
): void {
  if (!type) throw new DeviceHubError('storage_failed', 'A message of no known type cannot carry samples.')
  const table = tableNames(type).reading
  let group = samples.get(table)
  const expected = type.readingNames.length
  for (let index = 0; index < given.length; index++) {
    const sample = given[index] as NewSample
    if (sample.values.length !== expected)
      throw new DeviceHubError(
        'storage_failed',
        `A sample of ${sample.deviceId} was refused: it has ${sample.values.length} values for ${expected} columns.`,
      )
    if (found?.isDuplicate(sample, position, index)) continue
    if (!group) {
      group = { type, rows: [] }
      samples.set(table, group)
    }
    group.rows.push(sample)
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
