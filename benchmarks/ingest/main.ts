import { spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type MosquittoService, type Service, startMosquitto, startPostgres } from '@devicehub/test-kit'
import type { BenchOptions } from '../main.js'
import type { CandidateOptions, Measurement, Servers } from './candidates.js'
import { prepareDatabase, type Target } from './database.js'
import { fillQueue } from './queue.js'
import { buildTelegraf, runTelegraf, type TelegrafMeasurement } from './telegraf-peer.js'

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
  /** Telegraf's rate, and the listener's over it; absent where Telegraf cannot be built. */
  readonly telegraf?: number
  readonly ratioTelegraf?: number
  /** Messages a transaction of the listener, on average; `direct` inserts as many. */
  readonly batch: number
  readonly cpuUsPerMessage: number
  /** Microseconds of CPU a message of each process of a run: the candidate's own, the broker's and the database server's. */
  readonly cpuUs: Readonly<Record<CandidateName, ProcessCpu>> & { readonly telegraf?: ProcessCpu }
}

type ProcessCpu = { readonly own: number } & Servers<number>

type CandidateName = 'listener' | 'rawSink' | 'direct' | 'oneByOne'

/** Both databases, each with all candidates one after the other on the same broker and the same disk. */
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
    const built = buildTelegraf(folder)
    if ('missing' in built) say(`without Telegraf: ${built.missing}`)
    const telegraf = 'program' in built ? built.program : undefined
    return {
      sqlite: await compare({ broker, telegraf }, count, say, async () => ({
        kind: 'sqlite',
        file: join(folder, `${files++}.db`),
      })),
      postgres: await compare({ broker, telegraf, database: postgres }, count, say, async () => ({
        kind: 'postgres',
        url: (await postgres.createDatabase()).url,
      })),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

type Say = BenchOptions['say']

interface Environment {
  readonly broker: MosquittoService
  readonly database?: Service
  /** Path of the program. */
  readonly telegraf: string | undefined
}

async function compare(
  { broker, database, telegraf: program }: Environment,
  count: number,
  say: Say,
  makeTarget: () => Promise<Target>,
): Promise<TargetResult> {
  const target = await makeTarget()
  say(`${target.kind}: ${count} queued messages of QoS 1, one audit row and one reading row each`)
  const servers = { broker: pidOf(broker), ...(database && { database: pidOf(database) }) }
  const base = { url: broker.url, servers }
  const queued = async (messages: number) => {
    const fresh = await makeTarget()
    await prepareDatabase(fresh)
    await fillQueue(broker, messages)
    return { ...base, target: fresh, count: messages }
  }
  const candidate = async (name: string, messages: number) =>
    runChild(name, { ...(await queued(messages)), batch: 0 }, say)
  // One by one is so slow that fewer messages tell as much.
  const few = Math.min(count, 10_000)
  const rawSink = await candidate('rawSink', count)
  const listener = await candidate('listener', count)
  const telegraf =
    program === undefined ? undefined : await runTelegraf({ program, ...(await queued(count)) })
  if (telegraf) say(describe('telegraf', telegraf))
  const batch = Math.max(1, Math.round(listener.batch ?? 1))
  await prepareDatabase(target)
  const direct = await runChild('direct', { ...base, target, count, batch }, say)
  const oneByOne = await candidate('oneByOne', few)
  return {
    listener: Math.round(listener.rate),
    rawSink: Math.round(rawSink.rate),
    direct: Math.round(direct.rate),
    oneByOne: Math.round(oneByOne.rate),
    ratioDirect: round(listener.rate / direct.rate, 3),
    ratioOneByOne: round(listener.rate / oneByOne.rate, 1),
    ...(telegraf && {
      telegraf: Math.round(telegraf.rate),
      ratioTelegraf: round(listener.rate / telegraf.rate, 2),
    }),
    eventLoopP99Ms: round(listener.eventLoopP99Ms, 1),
    peakRssMb: Math.round(listener.peakRssMb),
    batch,
    cpuUsPerMessage: round(listener.cpuUs, 1),
    cpuUs: {
      listener: cpuOf(listener),
      rawSink: cpuOf(rawSink),
      direct: cpuOf(direct),
      oneByOne: cpuOf(oneByOne),
      ...(telegraf && { telegraf: cpuOf(telegraf) }),
    },
  }
}

const cpuOf = ({ cpuUs, serverCpuUs: { broker, database } }: TelegrafMeasurement) => ({
  own: round(cpuUs, 1),
  broker: round(broker, 1),
  ...(database !== undefined && { database: round(database, 1) }),
})

function pidOf({ name, pid }: Service): number {
  if (pid === undefined) throw new Error(`${name} does not run`)
  return pid
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
  const { eventLoopP99Ms, peakRssMb } = result
  say(describe(name, result, `event loop p99 ${eventLoopP99Ms.toFixed(1)} ms, ${Math.round(peakRssMb)} MB, `))
  return result
}

function describe(name: string, result: TelegrafMeasurement, more = ''): string {
  const { own, broker, database } = cpuOf(result)
  const others = `broker ${broker}${database === undefined ? '' : `, database ${database}`}`
  const rate = String(Math.round(result.rate)).padStart(7)
  return `  ${name.padEnd(9)} ${rate} messages/s, ${more}us of CPU a message: ${own}, ${others}`
}

const round = (value: number, digits: number) => Number(value.toFixed(digits))
