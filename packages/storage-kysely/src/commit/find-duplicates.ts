import type { AnyDeviceType, CommitBatch, NewSample } from '@devicehub/core'
import { type RawBuilder, sql } from 'kysely'
import type { Session } from '../connection/connection.js'
import { timeValue } from '../connection/sql-fragments.js'
import { readRow } from '../rows/row-reader.js'
import { tableNames } from '../schema/tables.js'
import type { KnownDuplicates } from './prepare-batch.js'

export interface FoundDuplicates extends KnownDuplicates {
  /** Samples that were stored before, by entry; empty lists are left out. */
  readonly byEntry: ReadonlyMap<number, readonly number[]>
}

/** Conditions in one query: SQLite nests them, to a depth of 1,000. */
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
  const { dialect } = session
  const found = new Set<string>()
  const table = sql`${sql.table(tableNames(type).reading)} as t`
  const withId = samples.filter(({ sampleId }) => sampleId !== null)
  const withHash = samples.filter(({ contentHash }) => contentHash !== null)
  for (const part of parts(withId)) {
    const { rows } = await session.run(
      sql`select t.device_id as c0, t.sample_id as c1 from ${table} where ${anyOf(
        part.map((sample) => sql`(t.device_id = ${sample.deviceId} and t.sample_id = ${sample.sampleId})`),
      )}`,
    )
    for (const row of rows.map(readRow)) found.add(idIdentity(row.text(0) ?? '', row.text(1) ?? ''))
  }
  for (const part of parts(withHash)) {
    const time =
      dialect === 'postgres' ? sql`(extract(epoch from t.timestamp) * 1000)::bigint` : sql`t.timestamp`
    const { rows } = await session.run(
      sql`select t.device_id as c0, ${time} as c1, t.content_hash as c2 from ${table} where ${anyOf(
        part.map(
          (sample) =>
            sql`(t.device_id = ${sample.deviceId} and t.timestamp = ${timeValue(dialect, sample.timestamp)} and t.content_hash = ${sample.contentHash})`,
        ),
      )}`,
    )
    for (const row of rows.map(readRow))
      found.add(contentIdentity(row.text(0) ?? '', row.integer(1) ?? 0, row.integer(2) ?? 0))
  }
  return found
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
