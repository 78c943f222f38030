import type { AnyDeviceType } from '@devicehub/core'
import {
  type NewSample,
  type StoredSample,
  type StoredValue,
  sampleContentKey,
  sampleIdKey,
} from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { Transaction } from '../connection/connection.js'
import { inParts } from '../connection/in-parts.js'
import { textArray } from '../connection/postgres-write.js'
import { asStored, selectList } from '../connection/sql-fragments.js'
import { readRow } from '../rows/row-reader.js'
import { type SampleShape, storedSample } from '../rows/sample-columns.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { tableNames } from '../schema/tables.js'
import { reuseMark } from './reuse-mark.js'

/** A sample id of a device, and the contents stored under it. */
export interface KnownId {
  /** Content hashes: of the last sample, and of those that equal a sample of the batch. */
  readonly contents: Set<number | null>
  readonly isStored: boolean
  /** Whether a sample equals the last one stored, when that has no hash: earlier releases wrote none. */
  readonly unhashed: ((sample: NewSample) => boolean) | null
}

/** Samples in one query. PostgreSQL takes lists; SQLite limits the nesting of conditions to 1,000. */
const lookupsMax = (dialect: SqlDialect) => (dialect === 'postgres' ? 5_000 : 200)

const UNHASHED_MAX = 200

export async function lookUpIds(
  transaction: Transaction,
  shape: SampleShape,
  type: AnyDeviceType,
  all: readonly NewSample[],
): Promise<Map<string, KnownId>> {
  const found = new Map<string, KnownId>()
  const unhashed: string[] = []
  const table = readingsAs(type)
  for (const part of inParts(
    all.filter(({ sampleId }) => sampleId !== null),
    lookupsMax(transaction.dialect),
  )) {
    const { rows } = await transaction.run(
      sql`select t.device_id as c0, t.sample_id as c1, t.content_hash as c2, t.id as c3 from ${storedIds(transaction.dialect, table, part)}`,
    )
    for (const row of rows.map(readRow)) {
      const key = sampleIdKey({ deviceId: row.text(0) ?? '', sampleId: row.text(1) })
      const known = found.get(key) ?? { contents: new Set(), isStored: true, unhashed: null }
      found.set(key, known)
      const hash = row.number(2)
      if (hash === null) unhashed.push(row.text(3) ?? '')
      else known.contents.add(hash)
    }
  }
  for (const part of inParts([...new Set(unhashed)], UNHASHED_MAX)) {
    const { rows } = await transaction.run(
      sql`select ${selectList(transaction.dialect, shape.selection)} from ${table} where t.id in (${sql.join(part)})`,
    )
    for (const row of rows) {
      const stored = storedSample(shape, readRow(row))
      const known = found.get(sampleIdKey(stored))
      if (known) found.set(sampleIdKey(stored), { ...known, unhashed: (sample) => isSame(stored, sample) })
    }
  }
  return found
}

export async function lookUpContents(
  transaction: Transaction,
  type: AnyDeviceType,
  all: readonly NewSample[],
): Promise<Set<string>> {
  const found = new Set<string>()
  const time = asStored(transaction.dialect, 'time', sql.ref('t.timestamp'))
  for (const part of inParts(
    all.filter(({ contentHash }) => contentHash !== null),
    lookupsMax(transaction.dialect),
  )) {
    const { rows } = await transaction.run(
      sql`select t.device_id as c0, ${time} as c1, t.content_hash as c2 from ${storedContents(transaction.dialect, readingsAs(type), part)}`,
    )
    for (const row of rows.map(readRow))
      found.add(
        sampleContentKey({
          deviceId: row.text(0) ?? '',
          timestamp: row.number(1) ?? 0,
          contentHash: row.number(2),
        }),
      )
  }
  return found
}

/** Whether a sample is a redelivery. The time counts only if the device sent one. */
function isSame(stored: StoredSample, sample: NewSample): boolean {
  const hasTime = ({ timestamp, receivedAt }: NewSample) => timestamp !== receivedAt
  if (hasTime(stored) ? stored.timestamp !== sample.timestamp : hasTime(sample)) return false
  return stored.values.every((value, index) => isEqual(value, sample.values[index] ?? null))
}

function isEqual(a: StoredValue, b: StoredValue): boolean {
  if (!(a instanceof Uint8Array) || !(b instanceof Uint8Array)) return a === b
  return a.length === b.length && a.every((byte, index) => byte === b[index])
}

const readingsAs = (type: AnyDeviceType) => sql`${sql.table(tableNames(type).reading)} as t`

// PostgreSQL uses the index for each element only if each look-up stands alone (`limit`, or `offset 0`). The list is
// sent as one text per column: thousands of parameters cost more than the look-ups. The other databases get
// conditions.

/** The row with `sample_reuse` 0, and those with the content of the samples. */
function storedIds(dialect: SqlDialect, table: RawBuilder<unknown>, samples: readonly NewSample[]) {
  const mark = ({ contentHash }: NewSample) => reuseMark(contentHash)
  if (dialect === 'postgres')
    return sql`unnest(${idLists(samples)}, ${textArray(samples.map((one) => String(mark(one))))}::text::int8[]) as v(device_id, sample_id, mark)
      cross join lateral (select t.* from ${table} where t.device_id = v.device_id and t.sample_id = v.sample_id
      and t.sample_reuse in (0, v.mark) offset 0) as t`
  return sql`${table} where ${anyOf(
    samples.map(
      (one) =>
        sql`(t.device_id = ${one.deviceId} and t.sample_id = ${one.sampleId} and t.sample_reuse in (0, ${mark(one)}))`,
    ),
  )}`
}

function storedContents(dialect: SqlDialect, table: RawBuilder<unknown>, samples: readonly NewSample[]) {
  if (dialect === 'postgres')
    return sql`unnest(${textArray(samples.map(({ deviceId }) => deviceId))}::text::text[],
      ${textArray(samples.map(({ timestamp }) => String(timestamp)))}::text::float8[],
      ${textArray(samples.map(({ contentHash }) => String(contentHash)))}::text::int8[]) as v(device_id, at, content_hash)
      cross join lateral (select t.* from ${table} where t.device_id = v.device_id
      and t.timestamp = to_timestamp(v.at / 1000) and t.content_hash = v.content_hash limit 1) as t`
  return sql`${table} where ${anyOf(
    samples.map(
      ({ deviceId, timestamp, contentHash }) =>
        sql`(t.device_id = ${deviceId} and t.timestamp = ${timestamp} and t.content_hash = ${contentHash})`,
    ),
  )}`
}

/** Marks stored rows whose ids now belong to samples of this batch, so that these can be inserted. */
export async function releaseIds(
  transaction: Transaction,
  type: AnyDeviceType,
  samples: readonly NewSample[],
): Promise<void> {
  const table = sql.table(tableNames(type).reading)
  const { dialect } = transaction
  const mark = sql`case when content_hash is null then -1 - id when content_hash = 0 then -1 else content_hash end`
  for (const part of inParts(samples, lookupsMax(dialect)))
    await transaction.run(
      dialect === 'postgres'
        ? sql`update ${table} set sample_reuse = ${mark} where id in (select l.id from unnest(${idLists(part)}) as v(device_id, sample_id)
            cross join lateral (select t.id from ${readingsAs(type)} where t.device_id = v.device_id and t.sample_id = v.sample_id
            and t.sample_reuse = 0 limit 1) as l)`
        : sql`update ${table} set sample_reuse = ${mark} where sample_reuse = 0 and (${anyOf(
            part.map(({ deviceId, sampleId }) => sql`(device_id = ${deviceId} and sample_id = ${sampleId})`),
          )})`,
    )
}

const idLists = (samples: readonly NewSample[]) =>
  sql`${textArray(samples.map(({ deviceId }) => deviceId))}::text::text[], ${textArray(samples.map(({ sampleId }) => sampleId))}::text::text[]`

const anyOf = (conditions: readonly RawBuilder<unknown>[]) => sql.join(conditions, sql` or `)
