import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDeviceHub, type DeviceHub, silentLogger } from '@devicehub/core'
import { waitUntil } from '@devicehub/test-kit'
import { readLedger } from './consumer-ledger.js'
import { type ConsumerReplica, startConsumer } from './consumer-replica.js'
import { storageFor, type Target } from './database.js'
import { prepareStage } from './stage.js'
import { isPoison, Probe, publications } from './workload.js'

/** A database that is filled by a hub of the run, and the processes that share one consumer name. */
export interface ConsumerStage extends AsyncDisposable {
  readonly hub: DeviceHub
  readonly processes: readonly ConsumerReplica[]
  readonly stored: number
  start(): ConsumerReplica
  /** Stores the next messages of the run. */
  store(count: number): Promise<void>
  /** The process that runs the consumer, when there is one. */
  runner(): Promise<ConsumerReplica>
  /** Waits until the consumer has passed everything; then what the ledger and the database say. */
  findings(): Promise<Findings>
}

export interface Findings {
  readonly acknowledged: number
  readonly lost: number
  /** Handled again beyond the last batch of a run that was killed: the promise is broken. */
  readonly duplicated: number
  /** Set aside though it can be handled, or not set aside though it cannot. */
  readonly unexpected: number
  /** Out of order for their device. */
  readonly violations: number
  readonly details: Readonly<Record<string, unknown>>
}

export async function prepareConsumers(
  kind: Target['kind'],
  options: { readonly batch: number; readonly lease: number },
): Promise<ConsumerStage> {
  const stage = await prepareStage(kind)
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-consumers-'))
  const ledger = join(folder, 'ledger')
  writeFileSync(ledger, '')
  const { target } = stage
  const hub = createDeviceHub({ types: [Probe], storage: storageFor(target), logger: silentLogger })
  const processes: ConsumerReplica[] = []
  let started = 0
  let stored = 0

  async function findings(): Promise<Findings> {
    await waitUntil(
      'the consumer to have passed everything',
      async () => (await hub.consumers.get('ledger'))?.passed === stored,
      { timeout: '5m' },
    )
    const failures = (await hub.consumers.failures('ledger', { limit: 1000 })).items
    const rows = await Promise.all(failures.map(({ ref }) => hub.messages.get(ref)))
    const aside = rows.map(
      (row) => (JSON.parse(row?.payloadJson ?? '{}') as { sequence?: number }).sequence ?? -1,
    )
    const poison = Array.from({ length: stored }, (_, n) => n).filter(isPoison)
    const wronglyAside = aside.filter((sequence) => !isPoison(sequence)).length
    const notAside = poison.filter((sequence) => !aside.includes(sequence)).length
    const { lost, beyondTheLastBatch, outOfOrder, ...rest } = readLedger(ledger, stored)
    return {
      acknowledged: stored,
      lost,
      duplicated: beyondTheLastBatch,
      unexpected: wronglyAside + notAside + (aside.length - new Set(aside).size),
      violations: outOfOrder,
      details: { ...rest, setAside: aside.length },
    }
  }

  return {
    hub,
    processes,
    get stored() {
      return stored
    },
    start() {
      const replica = startConsumer({ name: `c${++started}`, target, ledger, ...options })
      processes.push(replica)
      return replica
    },
    async store(count) {
      const messages = [...publications(count, stored)].map(({ topic, payload }) => ({
        topic,
        payload: new TextEncoder().encode(payload),
        source: 'run',
      }))
      stored += count
      for (let at = 0; at < count; at += 250) await hub.ingest(messages.slice(at, at + 250))
    },
    runner: () =>
      waitUntil(
        'a process to run the consumer',
        () => processes.find(({ alive, stats }) => alive && stats?.state === 'running'),
        { timeout: '2m' },
      ),
    findings,
    async [Symbol.asyncDispose]() {
      for (const each of processes) if (each.alive) await each.kill()
      await hub.close()
      await stage[Symbol.asyncDispose]()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
