import type { AnyDeviceType, NewSample, StoredSample, StoredValue } from '@devicehub/core'
import { type RawBuilder, sql } from 'kysely'
import type { Session } from '../connection/connection.js'
import { inParts } from '../connection/in-parts.js'
import { asStored, selectList, timeValue } from '../connection/sql-fragments.js'
import { readRow } from '../rows/row-reader.js'
import { type SampleShape, storedSample } from '../rows/sample-columns.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { tableNames } from '../schema/tables.js'
import { contentIdentity, idIdentity, reuseMark } from './identities.js'

/** An id of a device, and what is known to have been sent under it. */
export interface KnownId {
  /** As far as it was asked for: of the last sample, and of any with the content of the samples at hand. */
  readonly contents: Set<number | null>
  readonly isStored: boolean
  /** Whether a sample is the one that was stored last, where that has no hash: by a release that gave it none. */
  readonly unhashed: ((sample: NewSample) => boolean) | null
}

/** In one query: SQLite nests its conditions, to a depth of 1,000. */
const LOOKUPS_MAX = 200

export async function lookUpIds(
  session: Session,
  shape: SampleShape,
  type: AnyDeviceType,
  all: readonly NewSample[],
): Promise<Map<string, KnownId>> {
  const found = new Map<string, KnownId>()
  const unhashed: string[] = []
  const table = readingsAs(type)
  for (const part of inParts(
    all.filter(({ sampleId }) => sampleId !== null),
    LOOKUPS_MAX,
  )) {
    const { rows } = await session.run(
      sql`select t.device_id as c0, t.sample_id as c1, t.content_hash as c2, t.id as c3 from ${storedIds(session.dialect, table, part)}`,
    )
    for (const row of rows.map(readRow)) {
      const key = idIdentity({ deviceId: row.text(0) ?? '', sampleId: row.text(1) })
      const known = found.get(key) ?? { contents: new Set(), isStored: true, unhashed: null }
      found.set(key, known)
      const hash = row.number(2)
      if (hash === null) unhashed.push(row.text(3) ?? '')
      else known.contents.add(hash)
    }
  }
  for (const part of inParts([...new Set(unhashed)], LOOKUPS_MAX)) {
    const { rows } = await session.run(
      sql`select ${selectList(session.dialect, shape.selection)} from ${table} where t.id in (${sql.join(part)})`,
    )
    for (const row of rows) {
      const stored = storedSample(shape, readRow(row))
      const known = found.get(idIdentity(stored))
      if (known) found.set(idIdentity(stored), { ...known, unhashed: (sample) => isSame(stored, sample) })
    }
  }
  return found
}

export async function lookUpContents(
  session: Session,
  type: AnyDeviceType,
  all: readonly NewSample[],
): Promise<Set<string>> {
  const found = new Set<string>()
  const time = asStored(session.dialect, 'time', sql.ref('t.timestamp'))
  for (const part of inParts(
    all.filter(({ contentHash }) => contentHash !== null),
    LOOKUPS_MAX,
  )) {
    const { rows } = await session.run(
      sql`select t.device_id as c0, ${time} as c1, t.content_hash as c2 from ${storedContents(session.dialect, readingsAs(type), part)}`,
    )
    for (const row of rows.map(readRow))
      found.add(
        contentIdentity({
          deviceId: row.text(0) ?? '',
          timestamp: row.number(1) ?? 0,
          contentHash: row.number(2),
        }),
      )
  }
  return found
}

/** Sent again, as far as it can be told: the time counts where the device gave one. */
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

// PostgreSQL looks a joined list up in the index row by row; the others do so with a list of conditions.

/** The row that the plain way would meet, and those with the content of the samples. */
function storedIds(dialect: SqlDialect, table: RawBuilder<unknown>, samples: readonly NewSample[]) {
  const mark = ({ contentHash }: NewSample) => reuseMark(contentHash)
  if (dialect === 'postgres')
    return sql`(values ${sql.join(
      samples.map((one) => sql`(${one.deviceId}::text, ${one.sampleId}::text, ${mark(one)}::bigint)`),
    )}) as v(device_id, sample_id, mark) join ${table} on t.device_id = v.device_id and t.sample_id = v.sample_id
      and t.sample_reuse in (0, v.mark)`
  return sql`${table} where ${anyOf(
    samples.map(
      (one) =>
        sql`(t.device_id = ${one.deviceId} and t.sample_id = ${one.sampleId} and t.sample_reuse in (0, ${mark(one)}))`,
    ),
  )}`
}

function storedContents(dialect: SqlDialect, table: RawBuilder<unknown>, samples: readonly NewSample[]) {
  if (dialect === 'postgres')
    return sql`(values ${sql.join(
      samples.map(
        ({ deviceId, timestamp, contentHash }) =>
          sql`(${deviceId}::text, ${timeValue(dialect, timestamp)}, ${contentHash}::bigint)`,
      ),
    )}) as v(device_id, timestamp, content_hash) join ${table}
      on t.device_id = v.device_id and t.timestamp = v.timestamp and t.content_hash = v.content_hash`
  return sql`${table} where ${anyOf(
    samples.map(
      ({ deviceId, timestamp, contentHash }) =>
        sql`(t.device_id = ${deviceId} and t.timestamp = ${timestamp} and t.content_hash = ${contentHash})`,
    ),
  )}`
}

/** The rows whose ids pass to samples that are about to be stored: they make room in the unique key. */
export async function giveWay(
  session: Session,
  type: AnyDeviceType,
  samples: readonly NewSample[],
): Promise<void> {
  const table = sql.table(tableNames(type).reading)
  for (const part of inParts(samples, LOOKUPS_MAX))
    await session.run(
      sql`update ${table} set sample_reuse = case when content_hash is null then -1 - id when content_hash = 0 then -1 else content_hash end
        where sample_reuse = 0 and (${anyOf(
          part.map(({ deviceId, sampleId }) => sql`(device_id = ${deviceId} and sample_id = ${sampleId})`),
        )})`,
    )
}

const anyOf = (conditions: readonly RawBuilder<unknown>[]) => sql.join(conditions, sql` or `)
