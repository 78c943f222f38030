import type { AnyDeviceType, CommitBatch, NewSample } from '@devicehub/core'
import { type RawBuilder, sql } from 'kysely'
import type { Session } from '../connection/connection.js'
import { asStored, timeValue } from '../connection/sql-fragments.js'
import { readRow } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { tableNames } from '../schema/tables.js'
import type { KnownDuplicates } from './prepare-batch.js'

export interface FoundDuplicates extends KnownDuplicates {
  /** Samples that were stored before, by entry; empty lists are left out. */
  readonly byEntry: ReadonlyMap<number, readonly number[]>
}

/** In one query: SQLite nests its conditions, to a depth of 1,000. */
const LOOKUPS_MAX = 200

/**
 * Which samples of a batch are stored already, in the table or earlier in the batch itself. Invariant 2: an id
 * identifies a sample of its device, whatever time comes with it; without one, time and content do.
 */
export async function findDuplicates(session: Session, batch: CommitBatch): Promise<FoundDuplicates> {
  const stored = new Map<string, Set<string>>()
  for (const [type, samples] of samplesByType(batch))
    stored.set(type.key, await storedIdentities(session, type, samples))

  const byEntry = new Map<number, readonly number[]>()
  batch.entries.forEach(({ type, samples }, entry) => {
    const taken = type ? stored.get(type.key) : undefined
    if (!taken) return
    const duplicates: number[] = []
    samples.forEach((sample, index) => {
      const identities = identitiesOf(sample)
      if (identities.some((identity) => taken.has(identity))) duplicates.push(index)
      else for (const identity of identities) taken.add(identity)
    })
    if (duplicates.length > 0) byEntry.set(entry, duplicates)
  })
  const sets = new Map([...byEntry].map(([entry, indexes]) => [entry, new Set(indexes)]))
  return {
    byEntry,
    isDuplicate: (_sample, entry, index) => sets.get(entry)?.has(index) ?? false,
    isWholeDuplicate: (entry) => {
      const count = byEntry.get(entry)?.length ?? 0
      return count > 0 && count === batch.entries[entry]?.samples.length
    },
  }
}

function samplesByType({ entries }: CommitBatch): ReadonlyMap<AnyDeviceType, readonly NewSample[]> {
  const byType = new Map<AnyDeviceType, NewSample[]>()
  for (const { type, samples } of entries) {
    if (!type || samples.length === 0) continue
    const list = byType.get(type) ?? []
    byType.set(type, list)
    for (const sample of samples)
      if (sample.sampleId !== null || sample.contentHash !== null) list.push(sample)
  }
  return byType
}

async function storedIdentities(
  session: Session,
  type: AnyDeviceType,
  samples: readonly NewSample[],
): Promise<Set<string>> {
  const found = new Set<string>()
  const table = sql`${sql.table(tableNames(type).reading)} as t`
  for (const part of parts(samples.filter(({ sampleId }) => sampleId !== null))) {
    const { rows } = await session.run(
      sql`select t.device_id as c0, t.sample_id as c1 from ${storedIds(session.dialect, table, part)}`,
    )
    for (const row of rows.map(readRow)) found.add(idIdentity(row.text(0) ?? '', row.text(1) ?? ''))
  }
  const time = asStored(session.dialect, 'time', sql.ref('t.timestamp'))
  for (const part of parts(samples.filter(({ contentHash }) => contentHash !== null))) {
    const { rows } = await session.run(
      sql`select t.device_id as c0, ${time} as c1, t.content_hash as c2 from ${storedContents(session.dialect, table, part)}`,
    )
    for (const row of rows.map(readRow))
      found.add(contentIdentity(row.text(0) ?? '', row.number(1) ?? 0, row.number(2) ?? 0))
  }
  return found
}

// PostgreSQL looks a joined list up in the index row by row; the others do so with a list of conditions.

function storedIds(dialect: SqlDialect, table: RawBuilder<unknown>, samples: readonly NewSample[]) {
  if (dialect === 'postgres')
    return sql`(values ${sql.join(
      samples.map(({ deviceId, sampleId }) => sql`(${deviceId}::text, ${sampleId}::text)`),
    )}) as v(device_id, sample_id) join ${table} on t.device_id = v.device_id and t.sample_id = v.sample_id`
  return sql`${table} where ${anyOf(
    samples.map(({ deviceId, sampleId }) => sql`(t.device_id = ${deviceId} and t.sample_id = ${sampleId})`),
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

function* parts<T>(all: readonly T[]): Generator<readonly T[]> {
  for (let at = 0; at < all.length; at += LOOKUPS_MAX) yield all.slice(at, at + LOOKUPS_MAX)
}

const anyOf = (conditions: readonly RawBuilder<unknown>[]) => sql.join(conditions, sql` or `)

const idIdentity = (deviceId: string, sampleId: string) => `i${deviceId.length}.${deviceId}${sampleId}`
const contentIdentity = (deviceId: string, timestamp: number, contentHash: number) =>
  `c${timestamp}.${contentHash}.${deviceId}`

function identitiesOf({ deviceId, timestamp, sampleId, contentHash }: NewSample): string[] {
  const identities: string[] = []
  if (sampleId !== null) identities.push(idIdentity(deviceId, sampleId))
  if (contentHash !== null) identities.push(contentIdentity(deviceId, timestamp, contentHash))
  return identities
}
