import { fork } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { createDeviceHub, type Storage, type StorageAdapter, silentLogger } from '@devicehub/core'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { startMosquitto, startPostgres } from '@devicehub/test-kit'
import { storageFor, type Target } from '../ingest/database.js'
import type { BenchOptions } from '../main.js'
import { connectBare } from './connect-bare.js'
import { type RoundTrips, round, timeRoundTrips } from './round-trips.js'
import { BARE, DEVICES, deviceId, Gate } from './workload.js'

export interface Measured {
  /** One after the other. */
  readonly sequential: RoundTrips
  readonly hundredAtOnce: RoundTrips
}

export interface HubMeasured extends Measured {
  /** Of the round trip one after the other, beside bare mqtt.js in the same run. */
  readonly p50TimesBare: number
  readonly perSecondOfBare: number
  /** Transactions of the hub for each command: into the ledger, and commits. */
  readonly transactionsSequential: number
  readonly transactionsHundredAtOnce: number
}

export interface Result {
  /** Request and response between two mqtt.js clients at QoS 1, with nothing stored. */
  readonly bare: Measured
  readonly sqlite: HubMeasured
  readonly postgres: HubMeasured
}

/** A command's way from `send` to its result over a real broker, with everything persisted, beside a bare request and response. */
export async function run({ quick, say }: BenchOptions): Promise<Result> {
  const counts = quick ? { sequential: 200, atOnce: 2_000 } : { sequential: 2_000, atOnce: 20_000 }
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-bench-'))
  await using postgres = await startPostgres()
  await using mosquitto = await startMosquitto()
  try {
    const bare = await measureBare(mosquitto.url, counts, say)
    const sqlite = await measureHub(
      { kind: 'sqlite', file: join(folder, 'hub.db') },
      mosquitto.url,
      counts,
      bare,
      say,
    )
    const target: Target = { kind: 'postgres', url: (await postgres.createDatabase()).url }
    return { bare, sqlite, postgres: await measureHub(target, mosquitto.url, counts, bare, say) }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

interface Counts {
  readonly sequential: number
  readonly atOnce: number
}

async function startResponder(kind: 'bare' | 'client', url: string): Promise<AsyncDisposable> {
  const child = fork(fileURLToPath(new URL('responder.ts', import.meta.url)), [kind, url])
  const gone = once(child, 'exit')
  await Promise.race([
    once(child, 'message'),
    gone.then(() => Promise.reject(new Error('the responder ended'))),
  ])
  return {
    async [Symbol.asyncDispose]() {
      child.kill('SIGKILL')
      await gone
    },
  }
}

async function measureBare(url: string, counts: Counts, say: BenchOptions['say']): Promise<Measured> {
  await using _responder = await startResponder('bare', url)
  const client = await connectBare(url)
  const waiting = new Map<string, () => void>()
  client.on('message', (_topic, _payload, { properties }) => {
    const id = properties?.correlationData?.toString() ?? ''
    waiting.get(id)?.()
    waiting.delete(id)
  })
  await client.subscribeAsync(BARE.response, { qos: 1 })
  let ids = 0
  const ask = () =>
    new Promise<void>((resolve) => {
      const id = String(++ids)
      waiting.set(id, resolve)
      const properties = { responseTopic: BARE.response, correlationData: Buffer.from(id) }
      client.publish(BARE.request, '{"degrees":45}', { qos: 1, properties })
    })
  const measured = {
    sequential: await timeRoundTrips(counts.sequential, 1, ask),
    hundredAtOnce: await timeRoundTrips(counts.atOnce, 100, ask),
  }
  await client.endAsync()
  say(`bare mqtt.js: ${line(measured)}`)
  return measured
}

async function measureHub(
  target: Target,
  url: string,
  counts: Counts,
  bare: Measured,
  say: BenchOptions['say'],
): Promise<HubMeasured> {
  let transactions = 0
  const storage = counting(storageFor(target), () => transactions++)
  const hub = createDeviceHub({ types: [Gate], storage, logger: silentLogger })
  await hub.storage.migrate()
  for (let n = 0; n < DEVICES; n++) await hub.devices.create(Gate, { deviceId: deviceId(n) })
  // In no group: the session of the hub before stays at the broker, and would keep its share.
  const listener = createMqttListener(hub, { url, clientId: `bench-${target.kind}`, sharedGroup: false })
  await listener.start()
  await using _responder = await startResponder('client', url)
  for (let n = 0; n < DEVICES; n++)
    while ((await hub.devices.get(Gate, deviceId(n)))?.status !== 'online')
      await new Promise((resolve) => setTimeout(resolve, 20))

  const ask = async (n: number) => {
    const sent = await hub.commands.send(Gate, deviceId(n), 'open', { degrees: 45 }, { timeout: 60 })
    const { degrees } = await sent.result()
    if (degrees !== 45) throw new Error(`the result is ${degrees}`)
  }
  const counted = async (count: number, atOnce: number) => {
    const before = transactions
    const times = await timeRoundTrips(count, atOnce, ask)
    return { times, perCommand: round((transactions - before) / (count * 1.1)) }
  }
  const sequential = await counted(counts.sequential, 1)
  const atOnce = await counted(counts.atOnce, 100)
  await hub.close()
  const measured: HubMeasured = {
    sequential: sequential.times,
    hundredAtOnce: atOnce.times,
    p50TimesBare: round(sequential.times.p50Ms / bare.sequential.p50Ms),
    perSecondOfBare: round(atOnce.times.perSecond / bare.hundredAtOnce.perSecond),
    transactionsSequential: sequential.perCommand,
    transactionsHundredAtOnce: atOnce.perCommand,
  }
  say(`${target.kind}: ${line(measured)}`)
  return measured
}

/** Counts what is written for commands. */
function counting(adapter: StorageAdapter, count: () => void): StorageAdapter {
  return {
    name: adapter.name,
    open(context) {
      const storage = adapter.open(context)
      const commit: Storage['commit'] = (batch) => {
        count()
        return storage.commit(batch)
      }
      const create: Storage['commands']['create'] = (commands, claim) => {
        count()
        return storage.commands.create(commands, claim)
      }
      return { ...storage, commit, commands: { ...storage.commands, create } }
    },
  }
}

const line = ({ sequential, hundredAtOnce }: Measured) =>
  `one by one p50 ${sequential.p50Ms} ms, p99 ${sequential.p99Ms} ms; 100 at once ${hundredAtOnce.perSecond}/s, p50 ${hundredAtOnce.p50Ms} ms, p99 ${hundredAtOnce.p99Ms} ms`
