import type { AnyDeviceType } from '@devicehub/core'
import {
  badCursor,
  type Page,
  type PageRequest,
  readCursor,
  type ScannedSample,
  type ScanQuery,
  seriesField,
  writeCursor,
} from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { ReadConnection } from '../connection/connection.js'
import { directionSql } from '../connection/direction-sql.js'
import { numberSql } from '../connection/number-sql.js'
import { and, type Selected, selectList, timeValue } from '../connection/sql-fragments.js'
import type { ValueKind } from '../rows/column-source.js'
import type { RowReader } from '../rows/row-reader.js'
import type { SampleShape } from '../rows/sample-columns.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { tableNames } from '../schema/tables.js'
import { pageOf } from './bounded-rows.js'
import { perDevice } from './latest.js'
import { readingConditions } from './reading-conditions.js'

/** Devices in one statement. */
const DEVICES_MAX = 100
const ROWS_MAX = 10_000

/**
 * Device by device. A device with many samples is one step in the index for each page; those with few are read several
 * at a time, as many more as the page still has room for.
 */
export async function scanSamples(
  connection: ReadConnection,
  shape: SampleShape,
  type: AnyDeviceType,
  query: ScanQuery,
  page: PageRequest,
): Promise<Page<ScannedSample>> {
  const { dialect } = connection
  const ids = [...new Set(query.deviceIds)]
  const columns = columnsOf(shape, type, query)
  const toSample = sampleReader(columns, query)
  const isWide = columns.some(({ wide }) => wide)
  const limit = Math.min(page.limit, ROWS_MAX)
  const table = sql`${sql.table(tableNames(type).reading)} as t`
  const direction = directionSql(query.order ?? 'asc')
  const conditions = readingConditions(dialect, type, { ...range(query) })
  if (query.having !== undefined) conditions.push(sql`${sql.ref(`t.${query.having}`)} is not null`)

  async function firsts(devices: readonly string[]): Promise<ScannedSample[]> {
    const rowOf = (deviceId: RawBuilder<unknown>) =>
      sql`select ${selectList(dialect, columns)} from ${table} where ${and([sql`t.device_id = ${deviceId}`, ...conditions])}
        order by t.timestamp ${direction}, t.id ${direction} limit 1`
    return (await connection.readMany(perDevice(dialect, devices, rowOf))).map(toSample)
  }

  async function some(
    devices: readonly string[],
    room: number,
    behind: Place | null,
  ): Promise<ScannedSample[]> {
    const isOf =
      devices.length === 1
        ? sql`t.device_id = ${devices[0]}`
        : sql`t.device_id in (${sql.join([...devices])})`
    const where = [isOf, ...conditions, ...(behind ? [isBehind(dialect, query, behind)] : [])]
    const rows = await connection.readMany(
      sql`select ${selectList(dialect, columns)} from ${table} where ${and(where)}
        order by t.device_id, t.timestamp ${direction}, t.id ${direction} limit ${numberSql(room)}`,
    )
    return rows.map(toSample)
  }

  let { index, behind } = placeOf(page.cursor, ids.length)
  const items: ScannedSample[] = []
  const result = (): Page<ScannedSample> => ({
    items,
    cursor: index < ids.length ? cursorAt(index, behind) : null,
  })

  if (query.one) {
    while (index < ids.length && items.length === 0) {
      const devices = ids.slice(index, index + Math.min(DEVICES_MAX, limit))
      items.push(...(await firsts(devices)))
      index += devices.length
    }
    return result()
  }
  while (isWide && index < ids.length && items.length === 0) {
    const { rows, last } = await pageOf(connection, {
      table: tableNames(type).reading,
      columns,
      conditions: [
        sql`t.device_id = ${ids[index]}`,
        ...conditions,
        ...(behind ? [isBehind(dialect, query, behind)] : []),
      ],
      order: sql`t.timestamp ${direction}, t.id ${direction}`,
      page,
    })
    items.push(...rows.map(toSample))
    behind = last === null ? null : placeOfRow(last)
    if (last === null) index++
  }
  for (let count = 1; !isWide && index < ids.length && items.length < limit; count *= 4) {
    const devices = ids.slice(index, index + (behind ? 1 : Math.min(count, DEVICES_MAX)))
    const room = limit - items.length
    const found = await some(devices, room + 1, behind)
    if (found.length <= room) {
      items.push(...found)
      index += devices.length
      behind = null
      continue
    }
    // Which of several devices come behind the page only the database could say.
    if (devices.length > 1) return result()
    items.push(...found.slice(0, room))
    const { timestamp, id } = items.at(-1) as ScannedSample
    behind = { timestamp, id: Number(id) }
  }
  return result()
}

interface Place {
  readonly timestamp: number
  readonly id: number
}

const placeOfRow = (row: RowReader): Place => ({ timestamp: row.number(2) ?? 0, id: row.number(0) ?? 0 })

const range = ({ from, to }: ScanQuery) => ({
  ...(from === undefined ? {} : { from }),
  ...(to === undefined ? {} : { to }),
})

function isBehind(
  dialect: SqlDialect,
  { order = 'asc' }: ScanQuery,
  { timestamp, id }: Place,
): RawBuilder<unknown> {
  const time = timeValue(dialect, timestamp)
  return order === 'asc'
    ? sql`t.timestamp >= ${time} and (t.timestamp > ${time} or t.id > ${id})`
    : sql`t.timestamp <= ${time} and (t.timestamp < ${time} or t.id < ${id})`
}

/** The number of the device, and where in its samples. */
const cursorAt = (index: number, behind: Place | null): string =>
  writeCursor('scan', index, behind === null ? '' : `${behind.timestamp}.${behind.id}`)

function placeOf(cursor: string | undefined, devices: number): { index: number; behind: Place | null } {
  if (cursor === undefined) return { index: 0, behind: null }
  const { key, tie } = readCursor('scan', cursor)
  const [, timestamp, id] = /^(-?\d{1,15})\.(\d{1,16})$/.exec(tie) ?? []
  if (key < 0 || key >= devices || (tie !== '' && id === undefined)) throw badCursor('scan', cursor)
  return { index: key, behind: tie === '' ? null : { timestamp: Number(timestamp), id: Number(id) } }
}

const HEAD = ['id', 'device_id', 'timestamp']
const ENVELOPE = ['received_at', 'order_at', 'sample_id', 'content_hash', 'flags']

function columnsOf(
  { selection }: SampleShape,
  type: AnyDeviceType,
  { fields, having, envelope = false }: ScanQuery,
): Selected[] {
  for (const field of having === undefined ? fields : [...fields, having])
    seriesField(type, { field, fn: 'count' })
  // Readings come last: one may have the name of a column of the row.
  const own = selection.slice(0, selection.length - type.readingNames.length)
  const readings = selection.slice(own.length)
  const find = (columns: readonly Selected[], name: string) =>
    columns.find((column) => column.name === name) as Selected
  return [
    ...[...HEAD, ...(envelope ? ENVELOPE : [])].map((name) => find(own, name)),
    ...fields.map((name) => find(readings, name)),
  ]
}

function sampleReader(columns: readonly Selected[], { envelope = false }: ScanQuery) {
  const first = HEAD.length + (envelope ? ENVELOPE.length : 0)
  const kinds: readonly ValueKind[] = columns.slice(first).map(({ kind }) => kind)
  return (row: RowReader): ScannedSample => {
    const timestamp = row.number(2) ?? 0
    return {
      id: String(row.number(0)),
      deviceId: row.text(1) ?? '',
      timestamp,
      values: kinds.map((kind, index) => row.value(first + index, kind)),
      envelope: envelope
        ? {
            receivedAt: row.number(3) ?? 0,
            orderAt: row.number(4) ?? timestamp,
            sampleId: row.text(5),
            contentHash: row.number(6),
            flags: row.text(7),
          }
        : null,
    }
  }
}
