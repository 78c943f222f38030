import type { CommandState, OfflinePolicy } from '@devicehub/core'
import type { CommandRecord } from '@devicehub/core/storage'
import { sql } from 'kysely'
import { databaseNow } from '../connection/database-clock.js'
import type { Selected } from '../connection/sql-fragments.js'
import type { ValueKind } from '../rows/column-source.js'
import type { RowReader } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'

/** A command and the number that says when it was created. */
export interface CommandRow {
  readonly id: number
  readonly claim: string | null
  readonly record: CommandRecord
}

const COLUMNS: readonly (readonly [string, ValueKind])[] = [
  ['id', 'integer'],
  ['claim', 'text'],
  ['command_id', 'text'],
  ['type_key', 'text'],
  ['device_id', 'text'],
  ['command', 'text'],
  ['payload', 'json'],
  ['state', 'text'],
  ['attempts', 'integer'],
  ['retries', 'integer'],
  ['timeout', 'integer'],
  ['expires_in', 'integer'],
  ['on_offline', 'text'],
  ['batch', 'text'],
  ['result', 'json'],
  ['reason', 'text'],
  ['created_at', 'time'],
  ['sent_at', 'time'],
  ['accepted_at', 'time'],
  ['finished_at', 'time'],
]

/** How many columns the selection has: what else is selected comes behind them. */
export const COMMAND_COLUMNS = COLUMNS.length + 1

/** Of the table `t`. */
export const commandColumns = (dialect: SqlDialect): readonly Selected[] => [
  ...COLUMNS.map(([name, kind]): Selected => ({ name, kind, wide: kind === 'json' })),
  { name: 'left', kind: 'integer', computed: sql`t.expires_at - ${databaseNow(dialect)}` },
]

export function commandRow(row: RowReader): CommandRow {
  const createdAt = row.number(16) ?? 0
  return {
    id: row.number(0) ?? 0,
    claim: row.text(1),
    record: {
      id: row.text(2) ?? '',
      typeKey: row.text(3) ?? '',
      deviceId: row.text(4) ?? '',
      command: row.text(5) ?? '',
      payload: row.text(6),
      state: row.text(7) as CommandState,
      attempts: row.number(8) ?? 0,
      retries: row.number(9) ?? 0,
      timeout: row.number(10) ?? 0,
      onOffline: row.text(12) as OfflinePolicy,
      batch: row.text(13),
      result: row.text(14),
      reason: row.text(15),
      createdAt,
      sentAt: row.number(17),
      acceptedAt: row.number(18),
      finishedAt: row.number(19),
      expiresAt: createdAt + (row.number(11) ?? 0),
      expiresIn: row.number(20) ?? 0,
    },
  }
}
