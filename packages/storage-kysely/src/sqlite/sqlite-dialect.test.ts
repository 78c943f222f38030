import { execFileSync } from 'node:child_process'
import { chmod, mkdtemp, readdir, rm, stat, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Kysely, sql } from 'kysely'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { SQLITE_DRIVERS } from '../testing/sqlite-drivers.js'
import { sqliteDialect } from './sqlite-dialect.js'

interface Tables {
  item: { id: number; name: string | null; value: unknown }
}

const KINDS = SQLITE_DRIVERS.flatMap((driver) => [
  { driver, thread: true },
  { driver, thread: false },
])

describe.each(KINDS)('sqliteDialect with $driver, thread: $thread', (options) => {
  let folder: string
  let db: Kysely<Tables>
  const open = () =>
    new Kysely<Tables>({ dialect: sqliteDialect({ ...options, file: join(folder, 'test.db') }) })

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devicehub-sqlite-'))
    db = open()
    await sql`create table item (id integer primary key, name text unique, value)`.execute(db)
  })
  afterEach(async () => {
    await db.destroy()
    await rm(folder, { recursive: true })
  })

  const stored = async (value: unknown) => {
    await db.insertInto('item').values({ id: 1, name: null, value }).execute()
    const [row] = await db.selectFrom('item').select('value').execute()
    return row?.value
  }

  test('every commit is on the disk: WAL, synchronous FULL', async () => {
    const pragma = async (name: string) =>
      (await sql<Record<string, unknown>>`pragma ${sql.raw(name)}`.execute(db)).rows[0]
    expect(await pragma('journal_mode')).toEqual({ journal_mode: 'wal' })
    expect(await pragma('synchronous')).toEqual({ synchronous: 2 })
  })

  test('a new file, and those beside it, are for their owner alone; the mode of one that is there stays', async () => {
    const modes = async () =>
      Promise.all(
        (await readdir(folder)).map(async (name) =>
          ((await stat(join(folder, name))).mode & 0o777).toString(8),
        ),
      )
    expect(await modes()).toEqual(['600', '600', '600'])
    await db.destroy()
    await chmod(join(folder, 'test.db'), 0o640)
    db = open()
    await sql`insert into item (id) values (1)`.execute(db)
    expect(await modes()).toEqual(['640', '640', '640'])
  })

  test.each([
    ['a boolean', true, 1],
    ['a date', new Date(1234), 1234],
    ['a bigint', 42n, 42],
    ['a bigint that no number holds', 2n ** 62n + 1n, 2n ** 62n + 1n],
    ['a safe integer', Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER],
    ['a fraction', 0.1, 0.1],
    ['null', null, null],
    ['text with NUL', 'a\0b', 'a\0b'],
    ['an emoji', '👩‍👩‍👧', '👩‍👩‍👧'],
  ])('%s comes back', async (_, value, expected) => {
    expect(await stored(value)).toBe(expected)
  })

  test('bytes come back, those of a part of a larger buffer too', async () => {
    const bytes = new Uint8Array(100).map((_, index) => index).subarray(10, 20)
    const back = await stored(bytes)
    expect(Buffer.isBuffer(back)).toBe(true)
    expect(Array.from(back as Uint8Array)).toEqual(Array.from(bytes))
  })

  test.each([1, 15, 16, 500])('%i rows of every kind of value come back as they are', async (count) => {
    const kinds: readonly ((n: number) => unknown)[] = [
      () => 'always the same',
      () => null,
      (n) => `text ${n}`,
      (n) => (n % 2 ? `with \x1f and \x1e in it ${n}` : ''),
      (n) => (n % 3 ? n : null),
      (n) => n / 7,
      (n) => (n % 2 ? 2n ** 60n + BigInt(n) : n),
      (n) => (n % 2 ? Number.MAX_SAFE_INTEGER : -0.5),
      (n) => (n % 5 ? `text ${n}` : n),
      (n) => Buffer.from([n & 255, 31]),
    ]
    for (const kind of kinds) {
      await db.deleteFrom('item').execute()
      const values = Array.from({ length: count }, (_, id) => kind(id))
      for (const [id, value] of values.entries())
        await db.insertInto('item').values({ id, name: null, value }).execute()
      const rows = await db.selectFrom('item').selectAll().orderBy('id').execute()
      expect(rows).toEqual(values.map((value, id) => ({ id, name: null, value })))
    }
  })

  test('counts rows and tells the id', async () => {
    const inserted = await db
      .insertInto('item')
      .values({ id: 7, name: 'a', value: 1 })
      .executeTakeFirstOrThrow()
    expect([inserted.insertId, inserted.numInsertedOrUpdatedRows]).toEqual([7n, 1n])
    const updated = await db
      .updateTable('item')
      .set({ value: 2 })
      .where('id', '>', 5)
      .executeTakeFirstOrThrow()
    expect(updated.numUpdatedRows).toBe(1n)
    const returned = await db.deleteFrom('item').returning('id').execute()
    expect(returned).toEqual([{ id: 7 }])
  })

  test('transactions on the one connection follow each other, and a failed one leaves nothing', async () => {
    await db.insertInto('item').values({ id: 1, name: 'counter', value: 0 }).execute()
    const increment = (fail: boolean) =>
      db.transaction().execute(async (trx) => {
        const { value } = await trx
          .selectFrom('item')
          .select('value')
          .where('id', '=', 1)
          .executeTakeFirstOrThrow()
        await new Promise((resolve) => setImmediate(resolve))
        await trx
          .updateTable('item')
          .set({ value: Number(value) + 1 })
          .where('id', '=', 1)
          .execute()
        if (fail) throw new Error('undone')
      })
    const results = await Promise.allSettled(
      Array.from({ length: 30 }, (_, index) => increment(index % 3 === 0)),
    )
    expect(results.filter(({ status }) => status === 'rejected')).toHaveLength(10)
    expect((await db.selectFrom('item').select('value').executeTakeFirstOrThrow()).value).toBe(20)
  })

  test('savepoints', async () => {
    const trx = await db.startTransaction().execute()
    await trx.insertInto('item').values({ id: 1, name: 'kept', value: 0 }).execute()
    const inner = await trx.savepoint('inner').execute()
    await inner.insertInto('item').values({ id: 2, name: 'gone', value: 0 }).execute()
    await (await inner.rollbackToSavepoint('inner').execute()).commit().execute()
    expect(await db.selectFrom('item').select('name').execute()).toEqual([{ name: 'kept' }])
  })

  test('streams rows in chunks, and can be stopped', async () => {
    const rows = Array.from({ length: 1000 }, (_, id) => ({ id, name: `n${id}`, value: null }))
    await db.insertInto('item').values(rows).execute()
    let seen = 0
    for await (const row of db.selectFrom('item').select('id').orderBy('id').stream(64))
      expect(row.id).toBe(seen++)
    expect(seen).toBe(1000)
    for await (const _ of db.selectFrom('item').select('id').stream(10)) break
    expect((await db.updateTable('item').set({ value: 1 }).executeTakeFirstOrThrow()).numUpdatedRows).toBe(
      1000n,
    )
  })

  test('an error has the code of SQLite, and the connection goes on', async () => {
    await db.insertInto('item').values({ id: 1, name: 'a', value: 0 }).execute()
    await expect(
      db.insertInto('item').values({ id: 2, name: 'a', value: 0 }).execute(),
    ).rejects.toMatchObject({
      code: 'SQLITE_CONSTRAINT_UNIQUE',
    })
    await expect(sql`select * from missing`.execute(db)).rejects.toThrow(/no such table/)
    expect(await db.selectFrom('item').select('id').execute()).toEqual([{ id: 1 }])
  })

  test('what is committed is there when the file is opened again; a closed one answers no more', async () => {
    await db.insertInto('item').values({ id: 1, name: 'a', value: 0 }).execute()
    await db.destroy()
    await expect(db.selectFrom('item').selectAll().execute()).rejects.toThrow(/destroyed/)
    db = open()
    expect(await db.selectFrom('item').select('name').execute()).toEqual([{ name: 'a' }])
  })

  test(':memory:', async () => {
    const memory = new Kysely<Tables>({ dialect: sqliteDialect({ ...options, file: ':memory:' }) })
    await sql`create table item (id integer primary key, name text, value)`.execute(memory)
    await memory.insertInto('item').values({ id: 1, name: 'a', value: 0 }).execute()
    expect(await memory.selectFrom('item').select('id').execute()).toEqual([{ id: 1 }])
    await memory.destroy()
  })
})

test.each([
  ['nothing', ''],
  ['a blank', ' '],
  ['a blank before it', ' x.db'],
  ['a blank behind it', 'x.db '],
  ['a line end behind it', 'x.db\n'],
  [':memory: and a blank', ':memory: '],
  ['a blank and :memory:', ' :memory:'],
  ['another name with a colon', ':temp:'],
  ['capitals', ':MEMORY:'],
  ['a URI', 'file:x.db?mode=memory'],
  ['a URI in capitals', 'FILE:x.db'],
  ['NUL', 'x\0.db'],
  ['a folder, as it is written', 'data/'],
])('%s as `file` is refused at once, and what would do is said', (_, file) => {
  expect(() => sqliteDialect({ file })).toThrow(
    /file must be the path of a file, without blanks around it and not a `file:` URI, or ':memory:'/,
  )
})

test.each(['x.db', './:x.db', 'C:\\data\\x.db', '/a b/c.db', 'files:x.db', 'files/x'])(
  '%s is the path of a file',
  (file) => {
    expect(() => sqliteDialect({ file })).not.toThrow()
  },
)

test.skipIf(process.platform === 'win32').each(KINDS)(
  'what is no regular file is refused before it is opened: $driver, thread: $thread',
  async (options) => {
    const folder = await mkdtemp(join(tmpdir(), 'devicehub-sqlite-'))
    const refused = async (file: string) => {
      const db = new Kysely<Tables>({ dialect: sqliteDialect({ ...options, file }) })
      const error = await sql`select 1`.execute(db).catch((cause: unknown) => cause)
      await db.destroy()
      return error
    }
    await symlink(join(folder, 'nothing'), join(folder, 'dangling'))
    execFileSync('mkfifo', [join(folder, 'pipe')])
    for (const [file, what] of [
      [folder, 'a folder'],
      ['/dev/null', 'no regular file'],
      [join(folder, 'pipe'), 'no regular file'],
      [join(folder, 'dangling'), 'a symbolic link to nothing'],
    ] as const)
      expect(await refused(file)).toMatchObject({
        code: 'storage_refused',
        message: expect.stringContaining(`${file} is ${what}: \`file\` must be the path of a file`),
      })
    expect((await readdir(folder)).sort()).toEqual(['dangling', 'pipe'])
    await rm(folder, { recursive: true })
  },
)

test('options that cannot work are refused', () => {
  expect(() => sqliteDialect({ file: '' })).toThrow(/file/)
  expect(() => sqliteDialect({ file: 'x.db', busyTimeout: -1 })).toThrow(/busyTimeout/)
})

test.skipIf(SQLITE_DRIVERS.includes('node:sqlite'))(
  'node:sqlite on a Node that has none is missing_dependency, and says what to do',
  async () => {
    const db = new Kysely<Tables>({ dialect: sqliteDialect({ file: ':memory:', driver: 'node:sqlite' }) })
    await expect(sql`select 1`.execute(db)).rejects.toMatchObject({
      code: 'missing_dependency',
      message: expect.stringContaining('npm install better-sqlite3@12.9.0'),
    })
  },
)
