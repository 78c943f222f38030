import type { MessageRef } from '@devicehub/core'
import { type CommitEntry, notReplayable } from '@devicehub/core/storage'
import { sql } from 'kysely'
import type { Transaction } from '../connection/connection.js'
import { UNROUTED_MESSAGE_TABLE } from '../schema/tables.js'
import type { KnownTypes } from './known-types.js'
import { compare } from './prepare-batch.js'

/**
 * Marks the messages that a batch replays as replayed. `not_replayable` when one does not exist or was replayed
 * before.
 */
export async function applyReplays(
  transaction: Transaction,
  known: KnownTypes,
  entries: readonly CommitEntry[],
): Promise<void> {
  const refs = entries.flatMap(({ replayOf }) => (replayOf ? [replayOf] : []))
  // In id order, so that two replays of the same messages do not deadlock.
  const sorted = refs.sort((a, b) => compare(a.typeKey ?? '', b.typeKey ?? '') || Number(a.id) - Number(b.id))
  for (const ref of sorted) {
    const table = messageTableOfRef(known, ref)
    if (table === null || !isMessageId(ref.id)) throw notReplayable(ref)
    const { affected } = await transaction.run(
      sql`update ${sql.table(table)} set processing_status = 'replayed'
        where id = ${Number(ref.id)} and (processing_status in ('rejected', 'quarantined')
          or (processing_status = 'processed' and (flags = 'partial' or flags like 'partial %'
            or flags like '% partial' or flags like '% partial %')))`,
    )
    if (affected !== 1) throw notReplayable(ref)
  }
}

/** Null when no type of the storage has that key. */
export const messageTableOfRef = (known: KnownTypes, { typeKey }: MessageRef): string | null => {
  if (typeKey === null) return UNROUTED_MESSAGE_TABLE
  return known.has(typeKey) ? `${typeKey}_message` : null
}

/** As a row's id is written: '01' is none. */
export const isMessageId = (id: string): boolean =>
  /^(0|[1-9]\d{0,15})$/.test(id) && Number.isSafeInteger(Number(id))
