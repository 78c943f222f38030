import { setImmediate } from 'node:timers/promises'
import { describeWith } from '@devicehub/test-kit'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { engineOf } from '../sqlite/sqlite-dialect.js'
import type { SqliteEngine } from '../sqlite/sqlite-engine.js'
import { sqliteFile } from '../testing/open-database.js'
import { sqliteConnection } from './sqlite-connection.js'

describeWith(['sqlite'], 'the reader of a SQLite file', () => {
  const opened = async (thread: boolean) => {
    const { connect, cleanup } = await sqliteFile({ thread })
    const db = connect()
    onTestFinished(async () => {
      await db.destroy()
      await cleanup()
    })
    const connection = sqliteConnection(db, engineOf(db) as SqliteEngine)
    await connection.run(sql`create table item (id integer primary key)`)
    return connection
  }
  const add = sql`insert into item (id) select coalesce(max(id), 0) + 1 from item`
  const count = sql`select count(*) as c0 from item`

  test('reads for as long as it takes while commits go on, and sees what was committed before', async () => {
    const connection = await opened(true)
    const reader = connection.reader
    if (reader === undefined) throw new Error('there is no reader')
    await connection.run(add)
    expect((await reader.run(count)).rows).toEqual([{ c0: 1 }])
    let isDone = false
    const long = reader
      .run(
        sql`with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000000) select max(i) as c0 from n`,
      )
      .then(({ rows }) => {
        isDone = true
        return rows
      })
    await setImmediate()
    await connection.run(add)
    expect(isDone).toBe(false)
    expect(await long).toEqual([{ c0: 5_000_000 }])
    expect((await reader.readMany(count)).map((row) => row.number(0))).toEqual([2])
  })

  test('writes nothing', async () => {
    const { reader, run } = await opened(true)
    await expect(reader?.run(add)).rejects.toThrow(/readonly|query_only|attempt to write/)
    expect((await run(count)).rows).toEqual([{ c0: 0 }])
  })

  test('is not there without a thread: it would block this one', async () => {
    expect((await opened(false)).reader).toBeUndefined()
  })
})
