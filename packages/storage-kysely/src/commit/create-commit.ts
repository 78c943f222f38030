import { setTimeout as sleep } from 'node:timers/promises'
import { type AnyDeviceType, isDeviceHubError } from '@devicehub/core'
import {
  type CommitBatch,
  type CommitEntry,
  type CommitResult,
  isReachable,
  type ReportOutcome,
  type StatusTransition,
} from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { applyCommands } from '../command/apply-commands.js'
import type { RecentCommands } from '../command/recent-commands.js'
import { wakeCommands } from '../command/wake-commands.js'
import type { Connection, Transaction, WrittenIds } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { classify } from '../storage-error.js'
import { applyPublished, applyReports } from '../twin/apply-reports.js'
import { applyChanges } from './apply-changes.js'
import { applyReplays } from './apply-replays.js'
import { findDuplicates } from './find-duplicates.js'
import type { KnownTypes } from './known-types.js'
import { createLostCommits } from './lost-commits.js'
import { messageIdsOf, messageTableOf, prepareWrites } from './prepare-batch.js'
import { settleBatch } from './settle-batch.js'
import { releaseIds } from './stored-identities.js'

export interface CommitOptions {
  readonly connection: Connection
  readonly known: KnownTypes
  readonly recent: RecentCommands
  /** The unique key of a sample id includes the time: see `lockSampleIds`. */
  readonly timescale: boolean
}

const NOTHING: CommitResult = {
  duplicates: null,
  duplicateSamples: null,
  reusedIds: null,
  transitions: [],
  devices: [],
  commands: null,
  reports: null,
}

const NO_REPORTS: ReadonlyMap<number, ReportOutcome> = new Map()
const NO_CHANGES: Pick<CommitResult, 'transitions' | 'devices'> = { transitions: [], devices: [] }

/** How often a batch is retried after a conflict, and for at least how many milliseconds. */
const ATTEMPTS = 8
/**
 * How often a batch is retried after a unique violation. Writers of the same samples cause each other several in a
 * row; a foreign unique index causes one every time.
 */
const UNIQUE_ATTEMPTS = 40
const PATIENCE = 5000

/**
 * Creates the function that commits batches. Nearly all batches hold only new rows, so a batch is first inserted
 * without looking anything up. A unique violation undoes that, and the batch is written again after looking up what
 * is stored.
 */
export function createCommit({
  connection,
  known,
  recent,
  timescale,
}: CommitOptions): (batch: CommitBatch) => Promise<CommitResult> {
  const lost = createLostCommits(connection)
  /**
   * Duplicates come in series: after a lost connection, or from a device that uses one id for everything. While
   * batches contain duplicates, the insert without a look-up is skipped.
   */
  let expectDuplicates = false

  async function commit(batch: CommitBatch): Promise<CommitResult> {
    if (isEmpty(batch)) return NOTHING
    const before = await lost.resultOf(batch)
    if (before) return before

    let lookUp =
      expectDuplicates || batch.entries.some(({ replayOf }) => replayOf) || (timescale && hasSampleIds(batch))
    const settles = batch.entries.some(settlesSomething)
    const giveUpAt = performance.now() + PATIENCE
    for (let attempt = 1; ; attempt++) {
      // The result, in case the connection breaks before it is returned.
      let result = NOTHING
      const isPlain = !lookUp && batch.changes.length === 0
      try {
        const foreseen = settles && isPlain ? await settleForeseen(batch, (then) => (result = then)) : null
        if (foreseen) result = foreseen
        else if (settles || !isPlain)
          await connection.transaction(
            {
              messageTables: messageTables(batch),
              messagesFirst: !settles && isPlain,
              fences: batch.fences,
            },
            async (transaction) => {
              const changed = await change(transaction, batch)
              const written = await (settles ? settle : write)(transaction, batch, lookUp)
              result = { ...written, ...changed }
            },
          )
        else
          result = withIds(
            NOTHING,
            batch,
            await connection.writeAtOnce(prepareWrites(known, batch), batch.fences),
          )
        if (result.commands) recent.settle(result.commands)
        if (lookUp) expectDuplicates = result.duplicates !== null || result.reusedIds !== null
        return result
      } catch (error) {
        if (isDeviceHubError(error)) throw error
        const failure = classify(error)
        if (failure === 'lost') lost.add(batch, result)
        const again = failure === 'unique' || failure === 'conflict'
        const enough =
          failure === 'unique'
            ? attempt >= UNIQUE_ATTEMPTS
            : attempt >= ATTEMPTS && performance.now() > giveUpAt
        if (!again || enough) throw error
        if (failure === 'unique' && !lookUp) lookUp = true
        else await sleep(Math.random() * Math.min(50, 2 ** attempt))
      }
    }
  }

  /**
   * Locks devices, then commands, then twins, then last values, in the same order everywhere: so two writers never
   * deadlock. Audit rows of changes are written after them, when it is known which changes applied.
   */
  async function change(
    transaction: Transaction,
    { changes, touches }: CommitBatch,
  ): Promise<Pick<CommitResult, 'transitions' | 'devices'>> {
    if (changes.length === 0) return NO_CHANGES
    const { transitions, devices, audits } = await applyChanges(transaction, changes, touches)
    if (audits.length > 0)
      await transaction.write(prepareWrites(known, { entries: audits, touches: [], changes: [] }))
    for (const [type, deviceIds] of reachableAgain(transitions))
      await wakeCommands(transaction, type, deviceIds)
    return { transitions, devices }
  }

  /** Applies replies, publications and reports first; the messages follow, because their rows record the outcome. */
  async function settle(
    transaction: Transaction,
    batch: CommitBatch,
    lookUp: boolean,
  ): Promise<CommitResult> {
    const commands = await applyCommands(transaction, batch.entries)
    const reports = await applyReports(transaction, batch.entries)
    await applyPublished(transaction, batch.entries)
    const settled = settleBatch(batch, commands, reports)
    return settled.resultOf(await write(transaction, settled.batch, lookUp))
  }

  /**
   * Settles commands in one statement, without reading their rows first. Null, and nothing is written, when a command is
   * not known here or its row has changed. `expect` gets the result before the statement is sent.
   */
  async function settleForeseen(
    batch: CommitBatch,
    expect: (result: CommitResult) => void,
  ): Promise<CommitResult | null> {
    const { settleAtOnce } = connection
    if (settleAtOnce === undefined || batch.entries.some(({ report, desired }) => report || desired))
      return null
    const foreseen = recent.foresee(batch.entries)
    if (foreseen === null) return null
    const settled = settleBatch(batch, foreseen.outcomes, NO_REPORTS)
    expect(settled.resultOf(NOTHING))
    const ids = await settleAtOnce(prepareWrites(known, settled.batch), foreseen.steps, batch.fences)
    if (ids !== null) return settled.resultOf(withIds(NOTHING, settled.batch, ids))
    recent.forget(batch.entries)
    expect(NOTHING)
    return null
  }

  async function write(transaction: Transaction, batch: CommitBatch, lookUp: boolean): Promise<CommitResult> {
    if (!lookUp) return withIds(NOTHING, batch, await transaction.write(prepareWrites(known, batch)))
    await applyReplays(transaction, known, batch.entries)
    if (timescale) await lockSampleIds(transaction, batch)
    const found = await findDuplicates(transaction, known, batch, { keepFirst: timescale })
    for (const [type, samples] of found.replaced) await releaseIds(transaction, type, samples)
    const ids = await transaction.write(prepareWrites(known, batch, found))
    const { duplicates, reused } = found
    const any = duplicates.size > 0
    return {
      ...withIds(NOTHING, batch, ids),
      duplicates: any ? batch.entries.map((_, entry) => duplicates.get(entry)?.length ?? 0) : null,
      duplicateSamples: any ? duplicates : null,
      reusedIds: reused.size > 0 ? reused : null,
    }
  }

  return commit
}

const settlesSomething = ({ command, report, desired }: CommitEntry) => Boolean(command || report || desired)

const withIds = (result: CommitResult, batch: CommitBatch, ids: WrittenIds): CommitResult =>
  batch.wantsIds ? { ...result, messageIds: messageIdsOf(batch, ids) } : result

/** Devices that became reachable: commands may be waiting for them. */
function reachableAgain(transitions: readonly StatusTransition[]): Map<AnyDeviceType, string[]> {
  const devices = new Map<AnyDeviceType, string[]>()
  for (const { type, deviceId, from, to } of transitions) {
    if (!isReachable(to) || isReachable(from)) continue
    const ids = devices.get(type)
    if (ids) ids.push(deviceId)
    else devices.set(type, [deviceId])
  }
  return devices
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

const hasSampleIds = ({ entries }: CommitBatch) =>
  entries.some(({ samples }) => samples.some(({ sampleId }) => sampleId !== null))

/** How many advisory locks there are for samples without a time of their own. Two writers rarely share one. */
const LOCKS = 64
const LOCK_SPACE = 723_311

/**
 * In TimescaleDB the unique key of a sample id includes the time, and a sample without a time of its own gets a new
 * one at each delivery. So such samples are serialised by a lock and looked up.
 */
async function lockSampleIds(transaction: Transaction, { entries }: CommitBatch): Promise<void> {
  const locks = new Set<number>()
  for (const { samples } of entries)
    for (const { deviceId, sampleId, timestamp, receivedAt } of samples)
      if (sampleId !== null && timestamp === receivedAt) locks.add(bucket(deviceId))
  const inOrder = [...locks].sort((a, b) => a - b)
  if (inOrder.length === 0) return
  const calls: RawBuilder<unknown>[] = inOrder.map(
    (lock) => sql`pg_advisory_xact_lock(${numberSql(LOCK_SPACE)}, ${numberSql(lock)})`,
  )
  await transaction.run(sql`select ${sql.join(calls)}`)
}

function bucket(deviceId: string): number {
  let hash = 0
  for (let index = 0; index < deviceId.length; index++)
    hash = (Math.imul(hash, 31) + deviceId.charCodeAt(index)) | 0
  return (hash >>> 0) % LOCKS
}
