import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { createSchema } from './create-schema.js'
import { withMigrationLock } from './migration-lock.js'
import { describeDatabases } from './testing/databases.js'
import { deviceType, field } from './testing/device-types.js'

const types = [deviceType('station', { a: field('float') }), deviceType('valve', { b: field('float') })]

function signal() {
  let give = () => {}
  const given = new Promise<void>((resolve) => {
    give = resolve
  })
  return { given, give: () => give() }
}

describeDatabases('migrating from several processes at once', (open) => {
  test('one process migrates, the others find nothing to do', async () => {
    await using database = await open()
    if (database.dialect === 'postgres') {
      const { database: name } =
        (await sql<{ database: string }>`select current_database() as database`.execute(database.connect()))
          .rows[0] ?? {}
      await sql`alter database ${sql.ref(name ?? '')} set default_transaction_isolation = 'serializable'`.execute(
        database.connect(),
      )
    }
    const schemas = Array.from({ length: 4 }, () =>
      createSchema({ db: database.connect(), dialect: database.dialect, types }),
    )
    const plans = await Promise.all(schemas.map((schema) => schema.migrate()))
    expect(plans.filter(({ steps }) => steps.length > 0)).toHaveLength(1)
    for (const schema of schemas) expect(await schema.plan()).toEqual({ steps: [] })
  })

  test('a process that fails while it holds the lock gives it up', async () => {
    await using database = await open()
    const db = database.connect<unknown>()
    await expect(
      withMigrationLock({ db, dialect: database.dialect }, async () => {
        throw new Error('broken')
      }),
    ).rejects.toThrow('broken')
    const other = createSchema({ db: database.connect(), dialect: database.dialect, types })
    await other.migrate()
    expect(await other.plan()).toEqual({ steps: [] })
  })

  test('a process waits for the lock of another', async () => {
    await using database = await open()
    const order: string[] = []
    const held = signal()
    const released = signal()
    const first = withMigrationLock({ db: database.connect(), dialect: database.dialect }, async () => {
      held.give()
      await released.given
      order.push('first')
    })
    await held.given
    const second = withMigrationLock({ db: database.connect(), dialect: database.dialect }, async () => {
      order.push('second')
    })
    // Gives the second every chance to come first.
    await Promise.race([second, new Promise((resolve) => setTimeout(resolve, 200))])
    released.give()
    await Promise.all([first, second])
    expect(order).toEqual(['first', 'second'])
  })

  test('the wait is limited', async () => {
    await using database = await open()
    const held = signal()
    const released = signal()
    const lock = () => ({ db: database.connect<unknown>(), dialect: database.dialect })
    const first = withMigrationLock(lock(), async () => {
      held.give()
      await released.given
    })
    await held.given
    const late = withMigrationLock({ ...lock(), waitMs: 100 }, async () => 'let in')
    await expect(late).rejects.toMatchObject({ code: 'storage_unavailable' })
    released.give()
    await first
    expect(await withMigrationLock({ ...lock(), waitMs: 100 }, async () => 'let in')).toBe('let in')
  })
})
