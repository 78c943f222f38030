import { describeWith, waitUntil } from '@devicehub/test-kit'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { buildInsert } from '../commit/columns.js'
import { knownTypes } from '../commit/known-types.js'
import type { Connection } from '../connection/connection.js'
import { kyselyConnection } from '../connection/kysely-connection.js'
import { MESSAGE_COLUMNS } from '../rows/message-columns.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { type EmptyDatabase, mariadbDatabase, postgresDatabase } from '../testing/open-database.js'
import { openStorages } from '../testing/opened-storage.js'
import { message, Station, T0 } from '../testing/rows.js'
import { createLogStore } from './log-store.js'

const inserted = (correlationId: string) => ({
  inserts: [
    buildInsert('station_message', MESSAGE_COLUMNS, [
      { message: message('d', { correlationId }), status: 'processed' as const, replayOf: undefined },
    ]),
  ],
  touches: [],
})

/** A commit that waits before COMMIT, its row written or, on PostgreSQL, only its transaction begun in earnest. */
async function slowCommit(connection: Connection, correlationId: string, when: 'before' | 'after') {
  let finish = () => {}
  let written = () => {}
  const hasWritten = new Promise<void>((resolve) => {
    written = resolve
  })
  const done = connection.transaction(
    { messageTables: ['station_message'], messagesFirst: when === 'after' },
    async (transaction) => {
      const wait = new Promise<void>((resolve) => {
        finish = resolve
      })
      if (when === 'after') await transaction.write(inserted(correlationId))
      else if (transaction.dialect === 'postgres') await transaction.run(sql`select pg_current_xact_id()`)
      written()
      await wait
      if (when === 'before') await transaction.write(inserted(correlationId))
    },
  )
  await Promise.race([hasWritten, done])
  return {
    async finish() {
      finish()
      await done
    },
  }
}

function lateCommits(
  dialect: SqlDialect,
  openDatabase: () => Promise<EmptyDatabase>,
  isWaiting: () => Promise<boolean>,
): void {
  async function follow(
    watermark: boolean,
    when: 'before' | 'after' = 'after',
    first: 'read' | 'seek' = 'read',
  ): Promise<string[]> {
    const database = await openDatabase()
    await using _ = await openStorages(database, [Station])
    const db = database.connect()
    try {
      const connection = kyselyConnection(db, dialect)
      const log = createLogStore(connection, knownTypes([Station]), { watermark })
      const seen: string[] = []
      let cursor: string | null = null
      const read = async () => {
        const page: Awaited<ReturnType<typeof log.read>> = await log.read([Station], cursor, 10)
        cursor = page.cursor
        seen.push(...page.messages.map(({ correlationId }) => correlationId ?? ''))
      }
      const slow = await slowCommit(connection, 'late', when)
      await connection.writeAtOnce(inserted('early'))
      const seek = async () => {
        cursor = await log.seek([Station], T0)
      }
      const reading = first === 'read' ? read() : seek()
      // On MySQL it waits at the gate for the slow commit.
      await Promise.race([
        reading,
        dialect === 'mysql' ? waitUntil('the reader to wait', isWaiting, { interval: '250ms' }) : reading,
      ])
      await slow.finish()
      await reading
      await read()
      return seen
    } finally {
      await db.destroy()
    }
  }

  test('a row that commits late, behind a higher position of another writer, is not skipped', async () => {
    expect(await follow(true)).toEqual(['late', 'early'])
  })

  test('nor one that its transaction has not written yet when the other commits', async () => {
    const seen = await follow(true, 'before')
    // On MySQL the ids are given in the order of writing.
    expect(seen.sort()).toEqual(['early', 'late'])
  })

  test('nor is it skipped by a seek before it commits', async () => {
    for (const when of ['after', 'before'] as const)
      expect((await follow(true, when, 'seek')).sort()).toEqual(['early', 'late'])
  })

  test('without the watermark it would be skipped, so the test above can fail', async () => {
    expect(await follow(false)).toEqual(['early'])
  })
}

describeWith(['postgres'], 'PostgreSQL', ({ postgres }) => {
  lateCommits(
    'postgres',
    () => postgresDatabase(postgres()),
    async () => false,
  )

  test('a long transaction without writes to the log, in this database or another, does not delay the reader', async () => {
    const [database, elsewhere] = [await postgresDatabase(postgres()), await postgresDatabase(postgres())]
    await using storages = await openStorages(database, [Station])
    const storage = storages.open()
    const others = [database.connect(), elsewhere.connect()]
    const finish: (() => void)[] = []
    const running = others.map((db) =>
      kyselyConnection(db, 'postgres').transaction(
        { messageTables: [], messagesFirst: false },
        async (transaction) => {
          await transaction.run(sql`create table somebodys (id int)`)
          await new Promise<void>((resolve) => finish.push(resolve))
        },
      ),
    )
    await waitUntil('both transactions to write', () => finish.length === 2)
    await storage.commit({
      entries: [{ type: Station, message: message('d'), samples: [] }],
      touches: [],
      changes: [],
    })
    const page = await storage.log.read([Station], null, 10)
    for (const end of finish) end()
    await Promise.all(running)
    for (const db of others) await db.destroy()
    await elsewhere.cleanup()
    expect(page.messages).toHaveLength(1)
  })
})

describeWith(['mariadb'], 'MariaDB', ({ mariadb }) => {
  // The server looks anew only when nobody has asked for a tenth of a second: whoever asks more often sees the same for ever.
  const waiting = "select count(*) from information_schema.innodb_trx where trx_state = 'LOCK WAIT'"
  lateCommits(
    'mysql',
    () => mariadbDatabase(mariadb()),
    async () => Number(await mariadb().sql(waiting)) > 0,
  )
})
