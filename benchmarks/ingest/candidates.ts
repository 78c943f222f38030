import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createDeviceHub, silentLogger } from '@devicehub/core'
import { createMqttListener } from '@devicehub/mqtt-listener'
import mqtt from 'mqtt'
import { storageFor, type Target } from './database.js'
import * as postgres from './postgres-peers.js'
import { cpuOfTree } from './process-cpu.js'
import * as sqlite from './sqlite-peers.js'
import { Station } from './workload.js'

export interface CandidateOptions {
  readonly url: string
  readonly target: Target
  readonly count: number
  /** `direct` only: rows a transaction. */
  readonly batch: number
  /** Process ids of what works with the candidate; SQLite is a part of the candidate itself. */
  readonly servers: Servers<number>
}

/** By what a server does. */
export interface Servers<Value> {
  readonly broker: Value
  readonly database?: Value
}

export interface Measurement {
  /** Messages a second. */
  readonly rate: number
  readonly eventLoopP99Ms: number
  readonly peakRssMb: number
  /** Messages a transaction, on average. */
  readonly batch?: number
  /** Microseconds of CPU of this process a message. */
  readonly cpuUs: number
  /** And of the servers it works with. */
  readonly serverCpuUs: Servers<number>
}

export const TOPIC = '$share/bench/things/station/+/data'

/** The two ways a candidate is called: once to make the session that collects the messages, once to work them off. */
export type Candidate = (options: CandidateOptions) => Promise<Measurement>

/** Runs `work` from the first message to the last and measures this process and its servers meanwhile. */
async function measure(
  { count, servers }: CandidateOptions,
  work: (arrived: () => void) => Promise<{ batch?: number }>,
): Promise<Measurement> {
  const delay = monitorEventLoopDelay({ resolution: 1 })
  let started = 0
  let cpu = process.cpuUsage()
  let serverCpu = cpuOfServers(servers)
  let peak = 0
  const sampler = setInterval(() => (peak = Math.max(peak, process.memoryUsage.rss())), 100)
  const extra = await work(() => {
    if (started !== 0) return
    serverCpu = cpuOfServers(servers)
    started = performance.now()
    cpu = process.cpuUsage()
    delay.enable()
  })
  const seconds = (performance.now() - started) / 1000
  delay.disable()
  clearInterval(sampler)
  const used = process.cpuUsage(cpu)
  const usedByServers = cpuOfServers(servers)
  const since = (name: keyof Servers<number>) => ((usedByServers[name] ?? 0) - (serverCpu[name] ?? 0)) / count
  return {
    rate: count / seconds,
    eventLoopP99Ms: delay.percentile(99) / 1e6,
    peakRssMb: Math.max(peak, process.memoryUsage.rss()) / (1 << 20),
    cpuUs: (used.user + used.system) / count,
    serverCpuUs: {
      broker: since('broker'),
      ...(servers.database !== undefined && { database: since('database') }),
    },
    ...extra,
  }
}

export const cpuOfServers = ({ broker, database }: Servers<number>): Servers<number> => ({
  broker: cpuOfTree(broker),
  ...(database !== undefined && { database: cpuOfTree(database) }),
})

const listener: Candidate = async (options) => {
  const { url, target, count } = options
  const hub = createDeviceHub({ types: [Station], storage: storageFor(target), logger: silentLogger })
  const mqttListener = createMqttListener(hub, { url, clientId: 'bench', sharedGroup: 'bench' })
  const result = await measure(options, async (arrived) => {
    arrived()
    await mqttListener.start()
    await until(
      () => hub.stats().ingest.stored + hub.stats().ingest.duplicates + hub.stats().ingest.rejected >= count,
    )
    return { batch: hub.stats().ingest.received / Math.max(1, hub.stats().ingest.batches) }
  })
  const { stored, duplicates, rejected } = hub.stats().ingest
  await mqttListener.stop()
  await hub.close()
  if (stored !== count)
    throw new Error(
      `the listener stored ${stored} of ${count} messages (${duplicates} duplicates, ${rejected} rejected)`,
    )
  return result
}

/** mqtt.js as it comes: acknowledges on receipt and throws the message away. The most that a stored message could reach. */
const rawSink: Candidate = (options) =>
  measure(options, async (arrived) => {
    const { url, count } = options
    let received = 0
    const client = connect(url)
    await new Promise<void>((resolve) => {
      client.on('message', () => {
        arrived()
        if (++received === count) resolve()
      })
      client.connect()
    })
    await client.endAsync()
    return {}
  })

/** The handler one writes first: parse, insert, commit, acknowledge, next. */
const oneByOne: Candidate = async (options) => {
  const { url, target, count } = options
  const store =
    target.kind === 'sqlite' ? sqlite.createOneByOne(target.file) : await postgres.createOneByOne(target.url)
  const result = await measure(options, async (arrived) => {
    let received = 0
    const client = connect(url)
    await new Promise<void>((resolve, reject) => {
      client.handleMessage = (packet, done) => {
        arrived()
        Promise.resolve(store.store(packet.topic, packet.payload.toString())).then(() => {
          done()
          if (++received === count) resolve()
        }, reject)
      }
      client.connect()
    })
    await client.endAsync()
    return {}
  })
  await store.close()
  return result
}

/** The same rows in the same batches, inserted by hand, without MQTT. */
const direct: Candidate = async (options) => {
  const { target, count, batch } = options
  const prepared =
    target.kind === 'sqlite'
      ? sqlite.prepareBatches(target.file, count, batch)
      : await postgres.prepareBatches(target.url, count, batch)
  const result = await measure(options, async (arrived) => {
    arrived()
    await prepared.insert()
    return { batch }
  })
  await prepared.close()
  return result
}

const connect = (url: string) =>
  mqtt.connect(url, {
    clientId: 'bench',
    clean: false,
    protocolVersion: 5,
    properties: { sessionExpiryInterval: 3600, receiveMaximum: 2000 },
    manualConnect: true,
    reconnectPeriod: 0,
  })

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5))
}

export const CANDIDATES: Readonly<Record<string, Candidate>> = { listener, rawSink, oneByOne, direct }
