import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Kysely, type Migration, Migrator } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createSchema, type Schema } from './create-schema.js'
import { describeDatabases } from './testing/databases.js'
import { deviceType, field } from './testing/device-types.js'
import { type AnyTables, deviceRow, insert, rowsOf } from './testing/rows.js'

describeDatabases('writeMigration', (open) => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'devicehub-migrations-'))
    // There the files find kysely, as a user's would.
    await symlink(join(import.meta.dirname, '../../node_modules'), join(folder, 'node_modules'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  /** Writes the file of a release and lets Kysely's migrator run all there are. */
  async function release(db: Kysely<AnyTables>, name: string, schema: Schema): Promise<void> {
    await writeFile(
      join(folder, `${name}.ts`),
      (await schema.writeMigration({ allowDestructive: true })) ?? '',
    )
    files.push(name)
    const migrations: Record<string, Migration> = {}
    for (const file of files) migrations[file] = await import(/* @vite-ignore */ join(folder, `${file}.ts`))
    const migrator = new Migrator({ db, provider: { getMigrations: async () => migrations } })
    const { error, results } = await migrator.migrateToLatest()
    expect(error).toBeUndefined()
    expect(results).toMatchObject([{ migrationName: name, status: 'Success' }])
  }
  const files: string[] = []

  test("Kysely's migrator runs the files, and the plan is empty after each", async () => {
    await using database = await open()
    const { dialect } = database
    const db = database.connect<AnyTables>()

    // biome-ignore lint/suspicious/noTemplateCurlyInString: what a template literal must not take for its own
    const tricky = '`${1}` \\ \'"'
    const first = deviceType('station', { a: field('float') }, { s: field('string', { default: tricky }) })
    const schema = createSchema({ db, dialect, types: [first] })
    await release(db, '001', schema)
    expect(await schema.plan({ allowDestructive: true })).toEqual({ steps: [] })
    expect(await schema.writeMigration()).toBeNull()
    await insert(db, 'station_device', deviceRow(dialect))
    expect(await rowsOf(db, 'station_device')).toMatchObject([{ s: tricky }])

    const second = deviceType('station', { a: field('integer'), b: field('json') }, { s: field('string') })
    const next = createSchema({ db, dialect, types: [second] })
    await release(db, '002', next)
    expect(await next.plan()).toEqual({ steps: [] })
  })

  test('the file says in plain words what it does', async () => {
    await using database = await open()
    const { dialect } = database
    const db = database.connect()
    await createSchema({ db, dialect, types: [deviceType('station', { a: field('float') })] }).migrate()
    const schema = createSchema({ db, dialect, types: [deviceType('station', { a: field('boolean') })] })
    const text = await schema.writeMigration()
    expect(text).toContain("import { type Kysely, sql } from 'kysely'")
    expect(text).toContain('export async function up(db: Kysely<unknown>): Promise<void> {')
    expect(text).toMatch(/\/\/ Change station_reading\.a from double to .*are deleted \(destructive\)/)
  })
})
