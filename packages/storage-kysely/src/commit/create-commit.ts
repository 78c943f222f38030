import { setTimeout as sleep } from 'node:timers/promises'
import { type AnyDeviceType, isDeviceHubError } from '@devicehub/core'
import type { NewMessage } from '@devicehub/core/definition'
import {
  type CommandOutcome,
  type CommitBatch,
  type CommitEntry,
  type CommitResult,
  isReachable,
  type ReportOutcome,
  type StatusTransition,
  withCommandOutcome,
  withReportOutcome,
} from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { applyCommands } from '../command/apply-commands.js'
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
import { giveWay } from './stored-identities.js'

export interface CommitOptions {
  readonly connection: Connection
  readonly known: KnownTypes
  /** A hypertable cannot hold a sample id unique without its time. */
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

const NO_CHANGES: Pick<CommitResult, 'transitions' | 'devices'> = { transitions: [], devices: [] }

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
  /**
   * Redelivered messages come in a row, after a connection was lost, and a device that uses one id for all it sends does
   * so every time: as long as ids and contents are known, trying without care is in vain.
   */
  let expectKnown = false

  async function commit(batch: CommitBatch): Promise<CommitResult> {
    if (isEmpty(batch)) return NOTHING
    const before = await lost.resultOf(batch)
    if (before) return before

    let careful =
      expectKnown || batch.entries.some(({ replayOf }) => replayOf) || (timescale && hasSampleIds(batch))
    const settles = batch.entries.some(settlesSomething)
    const giveUpAt = Date.now() + PATIENCE
    for (let attempt = 1; ; attempt++) {
      // What it would have answered, should the connection break before the answer comes.
      let result = NOTHING
      try {
        if (careful || settles || batch.changes.length > 0)
          await connection.transaction(
            {
              messageTables: messageTables(batch),
              messagesFirst: !careful && !settles && batch.changes.length === 0,
              fences: batch.fences,
            },
            async (transaction) => {
              const changed = await change(transaction, batch)
              const written = await (settles ? settle : write)(transaction, batch, careful)
              result = { ...written, ...changed }
            },
          )
        else
          result = withIds(
            NOTHING,
            batch,
            await connection.writeAtOnce(prepareWrites(known, batch), batch.fences),
          )
        if (careful) expectKnown = result.duplicates !== null || result.reusedIds !== null
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

  /**
   * Devices are locked first, then commands, then twins, as everywhere, and last values after them all: two writers never
   * wait for each other. The rows that tell of a change come after it, whether it holds is known by then.
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

  /** Of a batch with replies, publications or reports: the messages come last, for their rows say what became of the rest. */
  async function settle(
    transaction: Transaction,
    batch: CommitBatch,
    careful: boolean,
  ): Promise<CommitResult> {
    const commands = await applyCommands(transaction, batch.entries)
    const reports = await applyReports(transaction, batch.entries)
    await applyPublished(transaction, batch.entries)
    const kept: number[] = []
    const entries = batch.entries.flatMap((entry, index): CommitEntry[] => {
      const message = messageOf(entry, commands.get(index), reports.get(index))
      if (message === null) return []
      kept.push(index)
      return [message === entry.message ? entry : { ...entry, message }]
    })
    const written = await write(transaction, { ...batch, entries }, careful)
    return {
      ...written,
      ...atTheirPlaces(written, kept, batch.entries.length),
      commands: commands.size > 0 ? commands : null,
      reports: reports.size > 0 ? reports : null,
    }
  }

  async function write(
    transaction: Transaction,
    batch: CommitBatch,
    careful: boolean,
  ): Promise<CommitResult> {
    if (!careful) return withIds(NOTHING, batch, await transaction.write(prepareWrites(known, batch)))
    await applyReplays(transaction, known, batch.entries)
    if (timescale) await lockSampleIds(transaction, batch)
    const found = await findDuplicates(transaction, known, batch, { keepFirst: timescale })
    for (const [type, samples] of found.replaced) await giveWay(transaction, type, samples)
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

function messageOf(
  { message, command, report }: CommitEntry,
  outcome: CommandOutcome | undefined,
  reported: ReportOutcome | undefined,
): NewMessage | null {
  if (command && outcome) return withCommandOutcome(message, command.reply, outcome)
  if (report && reported) return withReportOutcome(message, Object.keys(report.values), reported)
  return message
}

const withIds = (result: CommitResult, batch: CommitBatch, ids: WrittenIds): CommitResult =>
  batch.wantsIds ? { ...result, messageIds: messageIdsOf(batch, ids) } : result

/** What was found of entries of which some were left out, by their places in the whole batch. */
function atTheirPlaces(
  { duplicates, duplicateSamples, reusedIds, messageIds }: CommitResult,
  kept: readonly number[],
  count: number,
): Pick<CommitResult, 'duplicates' | 'duplicateSamples' | 'reusedIds' | 'messageIds'> {
  const moved = <T>(found: ReadonlyMap<number, T> | null) =>
    found && new Map([...found].map(([index, value]) => [kept[index] ?? index, value]))
  return {
    duplicates: duplicates && spread(duplicates, kept, count).map((found) => found ?? 0),
    duplicateSamples: moved(duplicateSamples),
    reusedIds: moved(reusedIds),
    ...(messageIds && { messageIds: spread(messageIds, kept, count) }),
  }
}

function spread<T>(values: readonly (T | null)[], places: readonly number[], count: number): (T | null)[] {
  const all = new Array<T | null>(count).fill(null)
  places.forEach((place, index) => {
    all[place] = values[index] ?? null
  })
  return all
}

/** Devices of which commands may wait. */
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

/** Locks that samples without a time of their own are spread over: what two writers send at once rarely shares one. */
const LOCKS = 64
const LOCK_SPACE = 723_311

/**
 * TimescaleDB holds (device, id, time) unique, and an id whose sample carries no time of its own comes with another
 * time each time it is sent: such samples follow each other, and are looked up.
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
