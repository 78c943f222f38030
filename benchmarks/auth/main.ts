import { type ChildProcess, execFile, fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { type CredentialWrite, newDeviceRecord } from '@devicehub/core/storage'
import { startPostgres } from '@devicehub/test-kit'
import { storageFor, type Target } from '../ingest/database.js'
import type { BenchOptions } from '../main.js'
import type { ServerKind, ServerStats } from './server.js'
import type { StormResult } from './storm.js'
import { deviceId, openHub, password, Sensor, username } from './workload.js'

export interface Storm extends StormResult, ServerStats {
  /** Microseconds of processor time of the server for one decision: steadier than the rate on a busy machine. */
  readonly cpuUsPerDecision: number
}

export interface TargetResult {
  /** A server that has just started: nothing is remembered. */
  readonly cold: Storm
  /** The same devices again, at once. */
  readonly warm: Storm
  /** A server that says yes to everybody: what HTTP, and the storm itself, cost here. */
  readonly bareHttp: Storm
  readonly warmOfBareHttp: number
  /** A look-up and a slow hash for each, nothing remembered; with fewer devices, since it takes so long. */
  readonly slowHashNoCache: Storm
  readonly warmTimesSlowHash: number
}

export interface Result {
  readonly sqlite: TargetResult
  readonly postgres: TargetResult
}

/** Requests under way at once: the connections of a broker to its authenticator. */
const CONNECTIONS = 256
/** Devices in one transaction. */
const BATCH = 500
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url))
const run_ = promisify(execFile)

/** 10,000 devices connect at once, and each login is asked of broker-auth, cold and warm. */
export async function run({ quick, say }: BenchOptions): Promise<Result> {
  const counts = quick ? { devices: 1_000, slow: 50 } : { devices: 10_000, slow: 300 }
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-bench-'))
  await using postgres = await startPostgres()
  try {
    const sqlite = await measure({ kind: 'sqlite', file: join(folder, 'hub.db') }, counts, say)
    const url = (await postgres.createDatabase()).url
    return { sqlite, postgres: await measure({ kind: 'postgres', url }, counts, say) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function measure(
  target: Target,
  { devices, slow }: { readonly devices: number; readonly slow: number },
  say: BenchOptions['say'],
): Promise<TargetResult> {
  const tell = (name: string, storm: Storm) => {
    say(`${target.kind.padEnd(8)} ${name.padEnd(18)} ${JSON.stringify(storm)}`)
    return storm
  }
  await issue(target, devices, 'keyed')
  await using server = await startServer('broker-auth', target)
  const cold = tell('cold', await storm(server, devices))
  const warm = tell('warm', await storm(server, devices))
  await using bare = await startServer('bare', target)
  const bareHttp = tell('bare http', await storm(bare, devices))
  await issue(target, slow, 'slow')
  await using byHand = await startServer('by-hand', target)
  const slowHashNoCache = tell('slow hash, no cache', await storm(byHand, slow))
  const times = warm.decisionsPerSecond / slowHashNoCache.decisionsPerSecond
  return {
    cold,
    warm,
    bareHttp,
    warmOfBareHttp: Math.round((warm.decisionsPerSecond / bareHttp.decisionsPerSecond) * 1000) / 1000,
    slowHashNoCache,
    warmTimesSlowHash: Math.round(times),
  }
}

async function issue(target: Target, count: number, how: 'keyed' | 'slow'): Promise<void> {
  await using hub = openHub(storageFor(target))
  await hub.storage.migrate()
  const { hashes } = hub.credentials
  const now = Date.now()
  for (let from = 0; from < count; from += BATCH) {
    const writes: CredentialWrite[] = []
    for (let n = from; n < Math.min(count, from + BATCH); n++) {
      const lookup = username(n)
      const hash = how === 'keyed' ? hashes.keyed(lookup, password(n)) : await hashes.slow(password(n))
      writes.push({
        type: Sensor,
        deviceId: deviceId(n),
        create: newDeviceRecord(Sensor, { deviceId: deviceId(n) }, now),
        onlyNew: false,
        retire: { kinds: ['password'], at: now },
        add: [{ id: `${how}-${n}`, kind: 'password', lookup, hash, createdAt: now, expiresAt: null }],
        username: lookup,
        now,
      })
    }
    await hub.storage.credentials.write(writes)
  }
}

interface Server extends AsyncDisposable {
  readonly url: string
  readonly child: ChildProcess
}

async function startServer(kind: ServerKind, target: Target): Promise<Server> {
  const child = fork(file('server.ts'), [kind, JSON.stringify(target)])
  const gone = once(child, 'exit')
  const [url] = (await Promise.race([
    once(child, 'message'),
    gone.then(() => Promise.reject(new Error('the server ended'))),
  ])) as [string]
  return {
    url,
    child,
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

async function storm({ url, child }: Server, devices: number): Promise<Storm> {
  await statsOf(child)
  const args = [...process.execArgv, file('storm.ts'), url, String(devices), String(CONNECTIONS)]
  const { stdout } = await run_(process.execPath, args)
  const result = JSON.parse(stdout) as StormResult
  if (result.allowed !== devices) throw new Error(`only ${result.allowed} of ${devices} logins were allowed`)
  const stats = await statsOf(child)
  return { ...result, ...stats, cpuUsPerDecision: Math.round((stats.cpuMs * 1000) / devices) }
}

async function statsOf(child: ChildProcess): Promise<ServerStats> {
  child.send('stats')
  const [stats] = (await once(child, 'message')) as [ServerStats]
  return stats
}
