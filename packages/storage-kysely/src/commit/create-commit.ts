import { setTimeout as sleep } from 'node:timers/promises'
import { type CommitBatch, type CommitResult, isDeviceHubError, type StatusTransition } from '@devicehub/core'
import { type RawBuilder, sql } from 'kysely'
import type { Connection, Session } from '../connection/connection.js'
import { classify } from '../storage-error.js'
import { applyChanges } from './apply-changes.js'
import { applyReplays } from './apply-replays.js'
import { findDuplicates } from './find-duplicates.js'
import { createLostCommits } from './lost-commits.js'
import { type KnownTypes, messageTableOf, prepareWrites } from './prepare-batch.js'

export interface CommitOptions {
  readonly connection: Connection
  readonly known: KnownTypes
  /** A hypertable cannot hold a sample id unique without its time. */
  readonly timescale: boolean
}

const NOTHING: CommitResult = { duplicates: null, duplicateSamples: null, transitions: [] }

/** How often a batch is tried against others that are in its way, and for how long (milliseconds) at least. */
const ATTEMPTS = 8
/**
 * And against an identity that turns up between the look and the write. Writers that commit the same samples at the same
 * time do that to each other several times in a row; a unique index of somebody else's does it for ever.
 */
const UNIQUE_ATTEMPTS = 40
const PATIENCE = 5000

/**
 * Writes batches. Nearly all hold nothing that is stored already, so a batch is written as plain rows in one go; only
 * when a unique key says otherwise is it undone and written again with care.
 */
export function createCommit({
  connection,
  known,
  timescale,
}: CommitOptions): (batch: CommitBatch) => Promise<CommitResult> {
  const lost = createLostCommits(connection)
  /** Redelivered messages come in a row, after a connection was lost: as long as they do, trying without care is in vain. */
  let expectDuplicates = false

  async function commit(batch: CommitBatch): Promise<CommitResult> {
    if (isEmpty(batch)) return NOTHING
    const before = await lost.resultOf(batch)
    if (before) return before

    let careful =
      expectDuplicates || batch.entries.some(({ replayOf }) => replayOf) || (timescale && hasSampleIds(batch))
    const giveUpAt = Date.now() + PATIENCE
    for (let attempt = 1; ; attempt++) {
      // What it would have answered, should the connection break before the answer comes.
      let result = NOTHING
      try {
        if (careful || batch.changes.length > 0)
          await connection.transaction(
            {
              messageTables: messageTables(batch),
              messagesFirst: !careful && !hasAudits(batch),
              fences: batch.fences,
            },
            async (session) => {
              result = await (careful ? writeWithCare(session, batch) : writePlainly(session, batch))
            },
          )
        else await connection.writeAtOnce(prepareWrites(known, batch), batch.fences)
        if (careful) expectDuplicates = result.duplicates !== null
        return result
      } catch (error) {
        if (isDeviceHubError(error)) throw error
        const failure = classify(error)
        if (failure === 'lost') lost.add(batch, result)
        const again = failure === 'unique' || failure === 'conflict'
        const enough =
          failure === 'unique' ? attempt >= UNIQUE_ATTEMPTS : attempt >= ATTEMPTS && Date.now() > giveUpAt
        if (!again || enough) throw error
        if (failure === 'unique' && !careful) careful = true
        else await sleep(Math.random() * Math.min(50, 2 ** attempt))
      }
    }
  }

  async function writePlainly(session: Session, batch: CommitBatch): Promise<CommitResult> {
    await session.write(prepareWrites(known, batch))
    return { ...NOTHING, transitions: await change(session, batch) }
  }

  /** The rows that tell of a change come after it: whether it holds is known by then. */
  async function change(session: Session, { changes }: CommitBatch): Promise<StatusTransition[]> {
    const { transitions, audits } = await applyChanges(session, changes)
    if (audits.length > 0)
      await session.write(prepareWrites(known, { entries: audits, touches: [], changes: [] }))
    return transitions
  }

  async function writeWithCare(session: Session, batch: CommitBatch): Promise<CommitResult> {
    await applyReplays(session, known, batch.entries)
    if (timescale) await lockSampleIds(session, batch)
    const found = await findDuplicates(session, batch)
    await session.write(prepareWrites(known, batch, found))
    const transitions = await change(session, batch)
    if (found.byEntry.size === 0) return { ...NOTHING, transitions }
    return {
      duplicates: batch.entries.map((_, entry) => found.byEntry.get(entry)?.length ?? 0),
      duplicateSamples: found.byEntry,
      transitions,
    }
  }

  return commit
}

const isEmpty = ({ entries, touches, changes }: CommitBatch) =>
  entries.length === 0 && touches.length === 0 && changes.length === 0

const messageTables = ({ entries, changes }: CommitBatch) =>
  [
    ...new Set([
      ...entries.map(({ type }) => messageTableOf(type)),
      ...changes.flatMap(({ type, audit }) => (audit ? [messageTableOf(type)] : [])),
    ]),
  ].sort()

const hasAudits = ({ changes }: CommitBatch) => changes.some(({ audit }) => audit !== undefined)

const hasSampleIds = ({ entries }: CommitBatch) =>
  entries.some(({ samples }) => samples.some(({ sampleId }) => sampleId !== null))

/** Locks that samples without a time of their own are spread over: what two writers send at once rarely shares one. */
const LOCKS = 64
const LOCK_SPACE = 723_311

/**
 * TimescaleDB holds (device, id, time) unique, and an id whose sample carries no time of its own comes with another
 * time each time it is sent: such samples follow each other, and are looked up.
 */
async function lockSampleIds(session: Session, { entries }: CommitBatch): Promise<void> {
  const locks = new Set<number>()
  for (const { samples } of entries)
    for (const { deviceId, sampleId, timestamp, receivedAt } of samples)
      if (sampleId !== null && timestamp === receivedAt) locks.add(bucket(deviceId))
  const inOrder = [...locks].sort((a, b) => a - b)
  if (inOrder.length === 0) return
  const calls: RawBuilder<unknown>[] = inOrder.map(
    (lock) => sql`pg_advisory_xact_lock(${sql.lit(LOCK_SPACE)}, ${sql.lit(lock)})`,
  )
  await session.run(sql`select ${sql.join(calls)}`)
}

function bucket(deviceId: string): number {
  let hash = 0
  for (let index = 0; index < deviceId.length; index++)
    hash = (Math.imul(hash, 31) + deviceId.charCodeAt(index)) | 0
  return (hash >>> 0) % LOCKS
}
