import { DeviceHubError } from '@devicehub/core'
import type { Lease, LeaseState, LeaseStore } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { Connection } from '../connection/connection.js'
import { databaseNow } from '../connection/database-clock.js'
import { numberSql } from '../connection/number-sql.js'
import { insertIfAbsent } from '../connection/sql-fragments.js'
import { retryConflicts } from '../query/retry-conflicts.js'
import { readRow } from '../rows/row-reader.js'
import { LEASE_TABLE } from '../schema/tables.js'
import { asStorageErrors } from '../storage-error.js'

const NAME_MAX = 255
const HOLDER_MAX = 64

/**
 * Each step is a statement outside a transaction: a process frozen between two of them holds no lock that others wait
 * for.
 */
export function createLeaseStore(connection: Connection): LeaseStore {
  const { dialect } = connection
  const table = sql.table(LEASE_TABLE)
  const now = databaseNow(dialect)
  const run = (query: RawBuilder<unknown>) => retryConflicts(() => connection.run(query))
  const milliseconds = (ttl: number) => numberSql(Math.round(ttl))

  /** Takes the lease if it is free or this holder's. Waits for commits that are fenced by its current epoch. */
  async function take(name: string, holder: string, ttl: number): Promise<boolean> {
    const { affected } = await run(
      sql`update ${table} set holder = ${holder}, epoch = epoch + 1, ttl = ${milliseconds(ttl)}, expires_at = ${now} + ${milliseconds(ttl)}
        where name = ${name} and (holder = '' or holder = ${holder} or expires_at <= ${now} or expires_at > ${now} + 2 * ttl)`,
    )
    return affected > 0
  }

  async function exists(name: string): Promise<boolean> {
    const { rows } = await run(sql`select 1 as c0 from ${table} where name = ${name}`)
    return rows.length > 0
  }

  /** Creates the row of a lease that was never acquired. */
  const insert = (name: string) =>
    run(
      insertIfAbsent(
        dialect,
        LEASE_TABLE,
        sql`(name, holder, epoch, ttl, expires_at) values (${name}, '', 0, 0, 0)`,
      ),
    )

  async function isPresent({ name, epoch, holder }: Lease): Promise<boolean> {
    const { rows } = await run(
      sql`select 1 as c0 from ${table} where name = ${name} and epoch = ${epoch} and holder = ${holder}`,
    )
    return rows.length > 0
  }

  return {
    find: (names) =>
      asStorageErrors('looking at leases', async () => {
        if (names.length === 0) return []
        const { rows } = await run(
          sql`select name as c0, holder as c1, epoch as c2, expires_at - ${now} as c3, ttl as c4, note as c5
            from ${table} where name in (${sql.join(names)}) and epoch > 0`,
        )
        return rows.map(readRow).map((row): LeaseState => {
          const [left, ttl] = [row.number(3) ?? 0, row.number(4) ?? 0]
          const holder = left > 0 && left <= 2 * ttl ? row.text(1) || null : null
          return {
            name: row.text(0) ?? '',
            epoch: row.number(2) ?? 0,
            holder,
            expiresIn: holder === null ? 0 : left,
            note: row.text(5),
          }
        })
      }),

    acquire: (name, holder, ttl) =>
      asStorageErrors(`acquiring the lease ${name}`, async () => {
        check(name, holder, ttl)
        if (!(await take(name, holder, ttl))) {
          if (await exists(name)) return null
          await insert(name)
          if (!(await take(name, holder, ttl))) return null
        }
        // Holder names are unique to a process, so this is the epoch it acquired.
        const { rows } = await run(
          sql`select epoch as c0 from ${table} where name = ${name} and holder = ${holder}`,
        )
        const epoch = rows[0] && readRow(rows[0]).number(0)
        return typeof epoch === 'number' ? { name, holder, epoch } : null
      }),

    renew: (lease, ttl, note) =>
      asStorageErrors(`renewing the lease ${lease.name}`, async () => {
        const { name, epoch, holder } = lease
        const noted = note === undefined ? sql`` : sql`, note = ${note}`
        const { affected } = await run(
          sql`update ${table} set ttl = ${milliseconds(ttl)}, expires_at = ${now} + ${milliseconds(ttl)} ${noted}
            where name = ${name} and epoch = ${epoch} and holder = ${holder}`,
        )
        // MySQL may count only rows that changed, and two renewals within a millisecond change nothing.
        return affected > 0 || (dialect === 'mysql' && (await isPresent(lease)))
      }),

    release: ({ name, epoch, holder }) =>
      asStorageErrors(`giving back the lease ${name}`, async () => {
        const { affected } = await run(
          sql`update ${table} set holder = '', expires_at = 0 where name = ${name} and epoch = ${epoch} and holder = ${holder}`,
        )
        return affected > 0
      }),
  }
}

function check(name: string, holder: string, ttl: number): void {
  const problem =
    name === '' || name.length > NAME_MAX
      ? `its name has to have 1 to ${NAME_MAX} characters`
      : holder === '' || holder.length > HOLDER_MAX
        ? `its holder has to have 1 to ${HOLDER_MAX} characters`
        : !Number.isFinite(ttl) || ttl < 1
          ? 'its time to live has to be a number of milliseconds'
          : null
  if (problem !== null)
    throw new DeviceHubError('invalid_options', `The lease ${name} cannot be acquired: ${problem}.`)
}
