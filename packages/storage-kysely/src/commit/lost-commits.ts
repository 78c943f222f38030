import type { CommitBatch, CommitEntry, CommitResult, LeaseFence } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { Connection } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { and, timeValue } from '../connection/sql-fragments.js'
import { distinctFences, fenceRows, missingFence } from '../lease/fences.js'
import { messageTableOf } from './prepare-batch.js'

interface LostCommit {
  readonly batch: CommitBatch
  readonly result: CommitResult
}

export interface LostCommits {
  /** Records a batch whose connection broke before the answer: it may be stored. */
  add(batch: CommitBatch, result: CommitResult): void
  /** The result of an earlier commit of the same batch that was stored after all; else undefined. */
  resultOf(batch: CommitBatch): Promise<CommitResult | null>
}

const REMEMBERED_MAX = 16
/** How many of the newest rows are searched. */
const ROWS_SEARCHED = 100_000

/**
 * After a broken connection the caller commits the batch again. Samples with an identity are then found as
 * duplicates; audit rows and samples without one would be stored twice. A batch is stored as a whole or not at all,
 * so checking a few of its rows is enough.
 */
export function createLostCommits(connection: Connection): LostCommits {
  const lost: LostCommit[] = []

  return {
    add(batch, result) {
      if (batch.entries.length === 0) return
      lost.push({ batch, result })
      if (lost.length > REMEMBERED_MAX) lost.shift()
    },

    async resultOf(batch) {
      for (const one of lost.filter((candidate) => isSame(candidate.batch, batch))) {
        const { entries } = one.batch
        const probes = new Set([entries[0], entries[entries.length >> 1], entries.at(-1)] as CommitEntry[])
        let stored = true
        for (const probe of probes) stored &&= await isStored(connection, probe)
        // Checked after the rows: if the lease has a new holder, the rows may be the new holder's.
        stored &&= await doFencesHold(connection, one.batch.fences ?? [])
        lost.splice(lost.indexOf(one), 1)
        if (stored) return one.result
      }
      return null
    },
  }
}

/** All but the time of processing, which differs each time. */
const isSame = (a: CommitBatch, b: CommitBatch): boolean =>
  a.entries.length === b.entries.length &&
  a.entries.every(({ type, message }, index) => {
    const other = b.entries[index] as CommitEntry
    return (
      type === other.type &&
      message.deviceId === other.message.deviceId &&
      message.receivedAt === other.message.receivedAt &&
      message.topic === other.message.topic &&
      message.payloadJson === other.message.payloadJson
    )
  })

async function isStored(connection: Connection, { type, message }: CommitEntry): Promise<boolean> {
  const { dialect } = connection
  const equal = (column: string, value: string | null): RawBuilder<unknown> =>
    value === null ? sql`t.${sql.ref(column)} is null` : sql`t.${sql.ref(column)} = ${value}`
  const { rows } = await connection.run(
    sql`select 1 as c0 from (select * from ${sql.table(messageTableOf(type))} order by id desc limit ${numberSql(ROWS_SEARCHED)}) as t
      where ${and([
        sql`t.received_at = ${timeValue(dialect, message.receivedAt)}`,
        sql`t.processed_at = ${timeValue(dialect, message.processedAt)}`,
        equal('device_id', message.deviceId),
        equal('topic', message.topic),
        equal('source', message.source),
        equal('payload_json', message.payloadJson),
      ])} limit 1`,
  )
  return rows.length > 0
}

async function doFencesHold(connection: Connection, fences: readonly LeaseFence[]): Promise<boolean> {
  const distinct = distinctFences(fences)
  return (
    distinct.length === 0 ||
    missingFence(distinct, (await connection.run(fenceRows(distinct))).rows) === undefined
  )
}
