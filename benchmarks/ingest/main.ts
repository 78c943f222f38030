import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  createLedgerPublisher,
  type MosquittoService,
  startMosquitto,
  startPostgres,
} from '@devicehub/test-kit'
import mqtt from 'mqtt'
import type { BenchOptions } from '../main.js'
import { type CandidateOptions, type Measurement, TOPIC } from './candidates.js'
import { prepareDatabase, type Target } from './database.js'
import { payload, sample } from './workload.js'

/** Rates in messages a second; ratios of the listener's rate to the others'. */
export interface TargetResult {
  readonly listener: number
  readonly rawSink: number
  readonly direct: number
  readonly oneByOne: number
  readonly ratioDirect: number
  readonly ratioOneByOne: number
  readonly eventLoopP99Ms: number
  readonly peakRssMb: number
  /** Messages a transaction of the listener, on average; `direct` inserts as many. */
  readonly batch: number
  readonly cpuUsPerMessage: number
}

/** Both databases, each with all four candidates one after the other on the same broker and the same disk. */
export async function run({
  quick,
  say,
}: BenchOptions): Promise<Record<'sqlite' | 'postgres', TargetResult>> {
  const count = quick ? 20_000 : 200_000
  const folder = mkdtempSync(join(tmpdir(), 'devicehub-bench-'))
  await using broker = await startMosquitto()
  await using postgres = await startPostgres()
  let files = 0
  try {
    return {
      sqlite: await compare(broker, count, say, async () => ({
        kind: 'sqlite',
        file: join(folder, `${files++}.db`),
      })),
      postgres: await compare(broker, count, say, async () => ({
        kind: 'postgres',
        url: (await postgres.createDatabase()).url,
      })),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

type Say = BenchOptions['say']

async function compare(
  broker: MosquittoService,
  count: number,
  say: Say,
  makeTarget: () => Promise<Target>,
): Promise<TargetResult> {
  const target = await makeTarget()
  say(`${target.kind}: ${count} queued messages of QoS 1, one audit row and one reading row each`)
  const queued = async (name: string, messages: number, extra: { batch?: number } = {}) => {
    const fresh = await makeTarget()
    await prepareDatabase(fresh)
    await fillQueue(broker, messages)
    return runChild(name, { url: broker.url, target: fresh, count: messages, batch: extra.batch ?? 0 }, say)
  }
  // One by one is so slow that fewer messages tell as much.
  const few = Math.min(count, 10_000)
  const rawSink = await queued('rawSink', count)
  const listener = await queued('listener', count)
  const batch = Math.max(1, Math.round(listener.batch ?? 1))
  await prepareDatabase(target)
  const direct = await runChild('direct', { url: broker.url, target, count, batch }, say)
  const oneByOne = await queued('oneByOne', few)
  return {
    listener: Math.round(listener.rate),
    rawSink: Math.round(rawSink.rate),
    direct: Math.round(direct.rate),
    oneByOne: Math.round(oneByOne.rate),
    ratioDirect: round(listener.rate / direct.rate, 3),
    ratioOneByOne: round(listener.rate / oneByOne.rate, 1),
    eventLoopP99Ms: round(listener.eventLoopP99Ms, 1),
    peakRssMb: Math.round(listener.peakRssMb),
    batch,
    cpuUsPerMessage: round(listener.cpuUs, 1),
  }
}

/** Leaves `count` messages in the queue of the session that every candidate takes over. */
async function fillQueue(broker: MosquittoService, count: number): Promise<void> {
  const session = mqtt.connect(broker.url, {
    clientId: 'bench',
    clean: true,
    protocolVersion: 5,
    properties: { sessionExpiryInterval: 0 },
  })
  await new Promise((resolve) => session.once('connect', resolve))
  await session.endAsync()
  const holder = mqtt.connect(broker.url, {
    clientId: 'bench',
    clean: false,
    protocolVersion: 5,
    properties: { sessionExpiryInterval: 3600 },
  })
  await holder.subscribeAsync(TOPICS, { qos: 1 })
  await holder.endAsync()
  await using publisher = createLedgerPublisher({ port: broker.port })
  await publisher.publishAll(messages(count))
}

/** What the listener subscribes to: all of a device type's inbound channels. */
const TOPICS = ['data', 'status', 'response', 'state'].map((channel) => TOPIC.replace(/data$/, channel))

function* messages(count: number) {
  for (let n = 0; n < count; n++) {
    const data = sample(n)
    yield { key: String(n), topic: data.topic, payload: payload(data) }
  }
}

const script = fileURLToPath(new URL('./child.ts', import.meta.url))

async function runChild(name: string, options: CandidateOptions, say: Say): Promise<Measurement> {
  const child = spawn(process.execPath, ['--import', 'tsx', script, name, JSON.stringify(options)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let output = ''
  child.stdout.setEncoding('utf8').on('data', (chunk: string) => (output += chunk))
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve))
  if (code !== 0) throw new Error(`the candidate ${name} ended with ${code}`)
  const result = JSON.parse(output) as Measurement
  say(
    `  ${name.padEnd(9)} ${String(Math.round(result.rate)).padStart(7)} messages/s, event loop p99 ${result.eventLoopP99Ms.toFixed(1)} ms, ${Math.round(result.peakRssMb)} MB, ${result.cpuUs.toFixed(1)} us CPU a message`,
  )
  return result
}

const round = (value: number, digits: number) => Number(value.toFixed(digits))
