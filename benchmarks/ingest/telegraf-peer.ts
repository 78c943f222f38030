import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import Database from 'better-sqlite3'
import pg from 'pg'
import { cpuOfServers, type Measurement, type Servers, TOPIC } from './candidates.js'
import type { Target } from './database.js'
import { cpuOfTree } from './process-cpu.js'

const SOURCE = fileURLToPath(new URL('./telegraf', import.meta.url))

/** Compiles Telegraf with the plugins needed; minutes the first time. The program's path, or why there is none. */
export function buildTelegraf(folder: string): { readonly program: string } | { readonly missing: string } {
  if (spawnSync('go', ['version']).status !== 0) return { missing: 'go is not on the path' }
  const program = join(folder, 'telegraf')
  const { status, stderr } = spawnSync('go', ['build', '-o', program, '.'], { cwd: SOURCE, encoding: 'utf8' })
  return status === 0 ? { program } : { missing: `go build failed: ${stderr.trim().split('\n').at(-1)}` }
}

export type TelegrafMeasurement = Pick<Measurement, 'rate' | 'cpuUs' | 'serverCpuUs'>

export interface TelegrafOptions {
  readonly program: string
  readonly url: string
  readonly target: Target
  readonly count: number
  readonly servers: Servers<number>
}

/**
 * One row a message, no audit and no deduplication: from the moment Telegraf starts to connect until every message has
 * its row. Fails when it stops before, or writes other than `count` rows.
 */
export async function runTelegraf(options: TelegrafOptions): Promise<TelegrafMeasurement> {
  const { program, url, target, count, servers } = options
  const output = target.kind === 'sqlite' ? 'sqlite.conf' : 'postgres.conf'
  const database = target.kind === 'sqlite' ? target.file : target.url
  const telegraf = spawn(program, [join(SOURCE, 'input.conf'), join(SOURCE, output)], {
    env: { ...process.env, BROKER: url.replace(/^mqtt:/, 'tcp:'), TOPIC, DATABASE: database },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const rows = openRows(target)
  try {
    await initialised(telegraf)
    const pid = telegraf.pid as number
    const [started, own, others] = [performance.now(), cpuOfTree(pid), cpuOfServers(servers)]
    await written(telegraf, count, rows.count)
    const seconds = (performance.now() - started) / 1000
    const usedByServers = cpuOfServers(servers)
    const since = (name: keyof Servers<number>) => ((usedByServers[name] ?? 0) - (others[name] ?? 0)) / count
    const cpuUs = (cpuOfTree(pid) - own) / count
    await stop(telegraf)
    const stored = await rows.count()
    if (stored !== count) throw new Error(`Telegraf wrote ${stored} rows of ${count} messages`)
    return {
      rate: count / seconds,
      cpuUs,
      serverCpuUs: {
        broker: since('broker'),
        ...(servers.database !== undefined && { database: since('database') }),
      },
    }
  } finally {
    await stop(telegraf)
    await rows.close()
  }
}

/** Resolves when the log says that the settings are read: Telegraf connects next, as the listener does when it starts. */
async function initialised(telegraf: ChildProcess): Promise<void> {
  const log: string[] = []
  for await (const line of createInterface({ input: telegraf.stderr as NodeJS.ReadableStream })) {
    if (/\[agent\] Config: /.test(line)) {
      telegraf.stderr?.resume()
      return
    }
    log.push(line)
  }
  throw new Error(`Telegraf did not start:\n${log.join('\n')}`)
}

/** Counting takes the database's time: the next count is when about half of the rest should be written. */
async function written(telegraf: ChildProcess, count: number, rows: () => Promise<number>): Promise<void> {
  const started = performance.now()
  for (;;) {
    const stored = await rows()
    if (stored >= count) return
    if (hasEnded(telegraf)) throw new Error(`Telegraf stopped after ${stored} of ${count} rows`)
    const perRow = (performance.now() - started) / Math.max(1, stored)
    const rest = stored === 0 ? 100 : ((count - stored) * perRow) / 2
    await new Promise((resolve) => setTimeout(resolve, Math.max(20, rest)))
  }
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess) => exitCode !== null || signalCode !== null

async function stop(telegraf: ChildProcess): Promise<void> {
  if (hasEnded(telegraf)) return
  const ended = once(telegraf, 'exit')
  telegraf.kill('SIGTERM')
  await ended
}

/** Of the table that Telegraf makes: none as long as it does not exist. */
function openRows(target: Target): { count(): Promise<number>; close(): Promise<void> } {
  if (target.kind === 'sqlite') {
    const db = new Database(target.file)
    const table = db.prepare("SELECT 1 FROM sqlite_master WHERE name = 'telegraf'")
    return {
      count: async () =>
        table.get() === undefined
          ? 0
          : (db.prepare('SELECT count(*) AS n FROM telegraf').get() as { n: number }).n,
      close: async () => void db.close(),
    }
  }
  const pool = new pg.Pool({ connectionString: target.url, max: 1 })
  return {
    async count() {
      const found = await pool.query("SELECT to_regclass('telegraf') IS NOT NULL AS found")
      if (!found.rows[0].found) return 0
      return Number((await pool.query('SELECT count(*) AS n FROM telegraf')).rows[0].n)
    },
    close: () => pool.end(),
  }
}
