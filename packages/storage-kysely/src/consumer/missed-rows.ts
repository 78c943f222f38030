import { isDeviceHubError } from '@devicehub/core'
import { type RawBuilder, sql } from 'kysely'
import type { Connection, Transaction } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { forUpdate } from '../connection/sql-fragments.js'
import { isBehindCursor } from '../log/log-store.js'
import type { LogTable } from '../log/table-log.js'
import { retryConflicts } from '../query/retry-conflicts.js'
import { readRow } from '../rows/row-reader.js'
import { CONSUMER_TABLE } from '../schema/tables.js'
import { CONSUMER_TRANSACTION } from './consumer-store.js'

/** Names of the consumers of each message table, by type key, null for that of no type. */
export async function consumersByType(
  connection: Connection,
): Promise<ReadonlyMap<string | null, readonly string[]>> {
  const { rows } = await connection.run(
    sql`select name as c0, type_keys as c1 from ${sql.table(CONSUMER_TABLE)} order by name`,
  )
  const byType = new Map<string | null, string[]>()
  for (const row of rows.map(readRow))
    for (const key of JSON.parse(row.text(1) ?? '[]') as (string | null)[])
      byType.set(key, [...(byType.get(key) ?? []), row.text(0) ?? ''])
  return byType
}

/**
 * Deletes up to `limit` old rows of a message table, and counts each as missed for the consumers that had not read
 * it, in one transaction. Returns how many it deleted.
 */
export function deleteUnread(
  connection: Connection,
  table: LogTable,
  consumers: readonly string[],
  old: RawBuilder<unknown>,
  limit: number,
): Promise<number> {
  const { dialect } = connection
  return retryConflicts(() =>
    connection.transaction(CONSUMER_TRANSACTION, async (transaction) => {
      const readers = await lockReaders(transaction, table, consumers)
      // Locked one by one: rows that another process deletes at the same time are counted there.
      const { rows } = await transaction.run(
        sql`select t.id as c0 ${sql.join(
          readers.map(
            ({ behind }, index) =>
              sql`, case when ${behind} then 1 else 0 end as ${sql.ref(`c${index + 1}`)}`,
          ),
          sql``,
        )} from ${sql.table(table.name)} as t where ${old} limit ${numberSql(limit)} ${forUpdate(dialect)}`,
      )
      if (rows.length === 0) return 0
      const gone = rows.map(readRow)
      await transaction.run(
        sql`delete from ${sql.table(table.name)} where id in (${sql.join(gone.map((row) => numberSql(row.number(0) ?? 0)))})`,
      )
      for (const [index, { name }] of readers.entries()) {
        const missed = gone.filter((row) => row.number(index + 1) === 1).length
        if (missed > 0)
          await transaction.run(
            sql`update ${sql.table(CONSUMER_TABLE)} set missed = missed + ${numberSql(missed)} where name = ${name}`,
          )
      }
      return rows.length
    }),
  )
}

interface Reader {
  readonly name: string
  readonly behind: RawBuilder<unknown>
}

/** Locked, so that their cursors do not move until the rows are counted. */
async function lockReaders(
  transaction: Transaction,
  table: LogTable,
  consumers: readonly string[],
): Promise<readonly Reader[]> {
  const { rows } = await transaction.run(
    sql`select name as c0, position as c1 from ${sql.table(CONSUMER_TABLE)}
      where name in (${sql.join(consumers)}) order by name ${forUpdate(transaction.dialect)}`,
  )
  return rows.map(readRow).flatMap((row) => {
    try {
      return { name: row.text(0) ?? '', behind: isBehindCursor(transaction.dialect, table, row.text(1)) }
    } catch (error) {
      // An invalid cursor must not stop retention; its consumer fails when it reads.
      if (isDeviceHubError(error, 'invalid_query')) return []
      throw error
    }
  })
}
