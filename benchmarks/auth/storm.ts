/** All devices at once, in a process of its own: as many requests under way as a broker has connections to its authenticator. */
import { Agent, request } from 'node:http'
import { deviceId, loginBody } from './workload.js'

export interface StormResult {
  readonly devices: number
  readonly allowed: number
  readonly seconds: number
  readonly decisionsPerSecond: number
  /** From the moment a connection was free for it. */
  readonly p50Ms: number
  readonly p99Ms: number
}

const [url, count, connections] = process.argv.slice(2) as [string, string, string]
const devices = Number(count)
const agent = new Agent({ keepAlive: true, maxSockets: Number(connections) })
const times: number[] = []
let allowed = 0
let next = 0

function ask(n: number): Promise<string> {
  return new Promise((resolve, reject) => {
    const body = loginBody(n)
    const headers = { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }
    const asked = request(url, { method: 'POST', agent, headers }, (response) => {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part) => {
        text += part
      })
      response.on('end', () => resolve(text))
    })
    asked.on('error', (cause) => reject(new Error(`no answer for ${deviceId(n)}`, { cause })))
    asked.end(body)
  })
}

async function connection(): Promise<void> {
  while (next < devices) {
    const n = next++
    const began = performance.now()
    const answer = await ask(n)
    times.push(performance.now() - began)
    if ((JSON.parse(answer) as { result?: unknown }).result === 'allow') allowed++
  }
}

const began = performance.now()
await Promise.all(Array.from({ length: Number(connections) }, connection))
const seconds = (performance.now() - began) / 1000
times.sort((a, b) => a - b)
const at = (share: number) =>
  Math.round((times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0) * 100) / 100
const result: StormResult = {
  devices,
  allowed,
  seconds: Math.round(seconds * 100) / 100,
  decisionsPerSecond: Math.round(devices / seconds),
  p50Ms: at(0.5),
  p99Ms: at(0.99),
}
process.stdout.write(`${JSON.stringify(result)}\n`, () => process.exit(0))
