// biome-ignore-all lint/suspicious/noTemplateCurlyInString: what it looks for is source text
import { readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createDeviceHub, defineDeviceType, reading } from '@devicehub/core'
import { sql } from 'kysely'
import { expect, test } from 'vitest'
import { describeDatabases } from './testing/describe-databases.js'
import { openStorages } from './testing/opened-storage.js'

const SOURCES = fileURLToPath(new URL('.', import.meta.url))

/** Places where text goes into a statement as it is, by what is handed over, each with the reason why no caller can choose it. */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  'connection/as-text.ts': ['sql.raw(text)'], // What the compiler made of parts that went through here themselves, with names quoted.
  'connection/database-clock.ts': ['sql.raw(databaseNowSql(dialect))'], // Literals, one a dialect.
  'connection/number-sql.ts': ['sql.lit(value)'], // A finite number, looked at in the line before.
  'connection/kysely-connection.ts': [
    "sql.raw(`, ${idleLimitSql('l.ttl')}`)", // A literal.
    'sql.raw(idleLimitSql(String(idleLimit * 2)))', // A number that is multiplied.
  ],
  'log/transaction-log.ts': ['sql.raw(regclass(name))'], // The name of a declared type's table.
  'schema/migrate.ts': [
    'sql.raw(statement)', // What the planner made of the declared types.
    'sql.raw(seedSql(dialect, name, seed))', // The hub's own rows.
  ],
  'schema/write-migration.ts': ['sql.raw(${templateLiteral(statement)})'], // Text of a file, not a statement.
}

const sources = (readdirSync(SOURCES, { recursive: true }) as string[]).filter(
  (file) => file.endsWith('.ts') && !file.endsWith('.test.ts'),
)

/** Calls of `sql.raw`, `sql.lit` and `sql.id` with what is between their parentheses. */
function callsIn(text: string): string[] {
  return [...text.matchAll(/\bsql\.(?:raw|lit|literal|id)\(/g)].map(({ index, 0: start }) => {
    let depth = 1
    let end = index + start.length
    while (depth > 0) {
      const character = text[end++]
      if (character === '(') depth++
      if (character === ')') depth--
    }
    return text.slice(index, end)
  })
}

test('no text that a caller can choose gets into a statement as it is', () => {
  const found = sources.flatMap((file) =>
    callsIn(readFileSync(join(SOURCES, file), 'utf8'))
      .filter((call) => !(ALLOWED[relative('.', file)] ?? []).includes(call))
      .map((call) => `${file}: ${call}`),
  )
  expect(found).toEqual([])
})

test('the search of the sources finds such text', () => {
  expect(callsIn('sql`order by ${sql.raw(order)}`; sql.lit(f(x))')).toEqual([
    'sql.raw(order)',
    'sql.lit(f(x))',
  ])
  expect(sources.length).toBeGreaterThan(60)
})

const Meter = defineDeviceType('meter', { readings: { power: reading.float() } })
const hostile = 'desc;drop table billing--'

describeDatabases('text of a caller and the database', (open) => {
  test('hub and storage refuse it; other tables and their rows stay as they are', async () => {
    const database = await open()
    const db = database.connect()
    await sql`create table billing (amount integer)`.execute(db)
    await using opened = await openStorages(database, [Meter])
    const storage = opened.open()
    await using hub = createDeviceHub({ types: [Meter], storage: { name: 'test', open: () => storage } })
    await hub.devices.create(Meter, { deviceId: 'M-1' })
    const { readings } = storage
    const page = { limit: 1 }
    const any = (value: unknown) => value as never
    const hostileCalls: (() => Promise<unknown>)[] = [
      () => hub.readings.list(Meter, { order: any(hostile) }),
      () => hub.readings.list(Meter, { deviceId: 'M-1', order: any('asc, (select 1)') }),
      () => hub.readings.list(Meter, { limit: any(`1;${hostile}`) }),
      () => hub.readings.list(Meter, { cursor: `readings.1.1;${hostile}` }),
      () => hub.readings.aggregate(Meter, { field: any(hostile), fn: 'avg' }),
      () => hub.readings.aggregate(Meter, { field: 'power', fn: any(hostile) }),
      () => hub.readings.aggregate(Meter, { field: 'power', fn: 'avg', interval: any(hostile) }),
      () => hub.messages.list(Meter, { status: any(hostile) }),
      () => hub.devices.list(Meter, { cursor: `devices.1.M-1\0${hostile}` }),
      () => readings.list(Meter, { order: any(hostile) }, page),
      () => readings.list(Meter, {}, { limit: any(`1; ${hostile}`) }),
      () => readings.aggregate(Meter, { field: 'power', fn: any(hostile) }),
      () => readings.aggregate(Meter, { field: 'power', fn: 'avg', interval: any(hostile) }),
      () => readings.aggregate(Meter, { field: hostile, fn: 'avg' }),
    ]
    for (const call of hostileCalls) await expect(call()).rejects.toMatchObject({ code: 'invalid_query' })
    // Looked for, and not found.
    expect((await hub.devices.list(Meter, { search: `%' or 1=1; ${hostile}` })).items).toEqual([])
    expect(await hub.devices.get(Meter, "M-1' or '1'='1")).toBe(null)
    expect((await sql`select * from billing`.execute(db)).rows).toEqual([])
    await db.destroy()
  })
})
