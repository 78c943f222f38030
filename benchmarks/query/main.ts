import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDeviceHub, silentLogger } from '@devicehub/core'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { startPostgres } from '@devicehub/test-kit'
import Database from 'better-sqlite3'
import { CompiledQuery, Kysely, PostgresDialect, SqliteDialect } from 'kysely'
import pg from 'pg'
import type { BenchOptions } from '../main.js'
import { type Sizes, Station } from './fleet.js'
import { type Dialect, load } from './load.js'
import { wideScansOf } from './plans.js'
import { NEWEST, type Question, questionsOf } from './questions.js'

/** Milliseconds, but for the ratio: of the p50 by that of the same question in SQL by hand. */
export interface Figures {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly byHandP50Ms: number
  readonly byHandP99Ms: number
  readonly ratio: number
}
type Result = Readonly<Record<string, Figures>>

export const SIZES = ['postgres', 'sqlite', 'devices'] as const

/** What is asked of stored data, beside the same in SQL by hand. Fails when a plan goes through a whole table needlessly. */
export async function run({ quick, say, sizes }: BenchOptions): Promise<Record<Dialect, Result>> {
  const size = (name: (typeof SIZES)[number], full: number, small: number) =>
    sizes.get(name) ?? (quick ? small : full)
  const sizesOf = (readings: number): Sizes => ({
    readings,
    messages: Math.ceil(readings / 5),
    devices: size('devices', 100_000, 10_000),
  })
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-bench-'))
  const file = join(folder, 'query.db')
  // Room for what is asked, as a server has it.
  const settings = { shared_buffers: '512MB', max_wal_size: '4GB', random_page_cost: '1.1' }
  await using postgres = await startPostgres({ settings })
  const { url } = await postgres.createDatabase()
  try {
    const sqlite = await measure(
      'sqlite',
      { measured: () => sqliteDialect({ file }), planned: () => plainSqlite(file) },
      sizesOf(size('sqlite', 5_000_000, 100_000)),
      { quick, say },
    )
    const onPostgres = () => new PostgresDialect({ pool: new pg.Pool({ connectionString: url, max: 4 }) })
    const others = await measure(
      'postgres',
      { measured: onPostgres, planned: onPostgres },
      sizesOf(size('postgres', 10_000_000, 100_000)),
      { quick, say },
    )
    return { sqlite, postgres: others }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

const plainSqlite = (file: string) => new SqliteDialect({ database: new Database(file) })

interface Dialects {
  measured(): PostgresDialect | ReturnType<typeof sqliteDialect>
  /** Kysely's own, that it tells the statements. */
  planned(): PostgresDialect | SqliteDialect
}

const hubOn = (db: Kysely<unknown>, indexed: boolean) =>
  createDeviceHub({
    types: [Station],
    storage: kyselyStorage({
      db,
      closeDb: true,
      indexMessagesByDevice: indexed,
      indexReadingsByTime: indexed,
    }),
    logger: silentLogger,
  })

async function measure(
  dialect: Dialect,
  { measured, planned }: Dialects,
  sizes: Sizes,
  { quick, say }: Pick<BenchOptions, 'quick' | 'say'>,
): Promise<Result> {
  say(`${dialect}: ${sizes.readings} readings, ${sizes.messages} messages, ${sizes.devices} devices`)
  const db = new Kysely<unknown>({ dialect: measured() })
  const started = performance.now()
  await hubOn(db, false).storage.migrate()
  await load(db, dialect, sizes)
  await using hub = hubOn(db, true)
  await hub.storage.migrate()
  await db.executeQuery(CompiledQuery.raw(dialect === 'postgres' ? 'vacuum analyze' : 'select 1'))
  say(`  loaded in ${((performance.now() - started) / 1000).toFixed(0)} s`)
  await checkPlans(dialect, planned, say)
  const questions = questionsOf(hub, db, dialect, quick)
  const result = await timesOf(questions)
  for (const [name, { p50Ms, p99Ms, byHandP50Ms, ratio }] of Object.entries(result))
    say(`  ${name}: ${p50Ms} / ${p99Ms}, by hand ${byHandP50Ms}, ratio ${ratio}`)
  return result
}

/** The statements of each question, from a hub of its own, and their plans. */
async function checkPlans(dialect: Dialect, planned: Dialects['planned'], say: BenchOptions['say']) {
  const seen: CompiledQuery[] = []
  const db = new Kysely<unknown>({ dialect: planned(), log: ({ query }) => void seen.push(query) })
  await using hub = hubOn(db, true)
  await hub.devices.count(Station, { max: 1 })
  const bad: string[] = []
  for (const { name, scans, draw } of questionsOf(hub, db, dialect, true)) {
    seen.length = 0
    await draw().ours()
    for (const statement of [...seen]) {
      for (const line of await wideScansOf(db, dialect, statement)) {
        say(`  ${name}: ${line.trim()}`)
        const isRight = scans || (name === NEWEST && line.includes('_by_time'))
        if (!isRight) bad.push(`${name}: ${line.trim()}`)
      }
    }
  }
  if (bad.length > 0) throw new Error(`${dialect}: whole tables are read:\n${bad.join('\n')}`)
}

/** Every question in an order that chance decides, and each time which side comes first. */
async function timesOf(questions: readonly Question[]): Promise<Result> {
  const times = new Map(questions.map(({ name }) => [name, { ours: [] as number[], byHand: [] as number[] }]))
  for (const { draw } of questions) {
    const once = draw()
    await once.ours()
    await once.byHand()
  }
  for (const { name, draw } of shuffled(questions.flatMap((one) => Array<Question>(one.times).fill(one)))) {
    const once = draw()
    for (const side of shuffled(['ours', 'byHand'] as const)) {
      const started = performance.now()
      await once[side]()
      times.get(name)?.[side].push(performance.now() - started)
    }
  }
  return Object.fromEntries(
    [...times].map(([name, { ours, byHand }]) => [name, figuresOf(ours, byHand)] as const),
  )
}

function figuresOf(ours: readonly number[], byHand: readonly number[]): Figures {
  const [p50, hand] = [percentile(ours, 0.5), percentile(byHand, 0.5)]
  return {
    p50Ms: round(p50),
    p99Ms: round(percentile(ours, 0.99)),
    byHandP50Ms: round(hand),
    byHandP99Ms: round(percentile(byHand, 0.99)),
    ratio: round(p50 / hand),
  }
}

function shuffled<T>(items: readonly T[]): T[] {
  const result = [...items]
  for (let last = result.length - 1; last > 0; last--) {
    const other = randomInt(last + 1)
    const held = result[last] as T
    result[last] = result[other] as T
    result[other] = held
  }
  return result
}

function percentile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? 0
}

const round = (value: number) => Number(value.toFixed(2))
