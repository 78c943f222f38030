/** The authenticator, in a process of its own, so that its event loop is its own. */
import { scrypt, timingSafeEqual } from 'node:crypto'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { promisify } from 'node:util'
import { createBrokerAuth } from '@devicehub/broker-auth'
import type { DeviceHub } from '@devicehub/core'
import { nodeListener } from '@devicehub/http'
import { storageFor, type Target } from '../ingest/database.js'
import { openHub } from './workload.js'

export interface ServerStats {
  /** Credentials asked of the database. */
  readonly lookups: number
  readonly queries: number
  /** Looks at what was revoked meanwhile. */
  readonly checks: number
  readonly eventLoopP99Ms: number
  readonly rssMb: number
  /** Processor time of all threads of the server since the last question. */
  readonly cpuMs: number
}

export type ServerKind = 'broker-auth' | 'by-hand' | 'bare'

const [kind, target] = process.argv.slice(2) as [ServerKind, string]
const hub = openHub(storageFor(JSON.parse(target) as Target))
let byHandQueries = 0
const listeners = { 'broker-auth': brokerAuth, 'by-hand': byHand, bare }
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()

const server = createServer(listeners[kind](hub)).listen(0, '127.0.0.1', () =>
  process.send?.(`http://127.0.0.1:${(server.address() as AddressInfo).port}/emqx/authn`),
)
process.on('disconnect', () => process.exit())
let before = { lookups: 0, queries: 0, checks: 0 }
let cpuBefore = process.cpuUsage()
process.on('message', () => {
  const { lookups, queries, checks } =
    kind === 'broker-auth'
      ? hub.credentials.stats()
      : { lookups: byHandQueries, queries: byHandQueries, checks: 0 }
  const cpu = process.cpuUsage(cpuBefore)
  const stats: ServerStats = {
    lookups: lookups - before.lookups,
    queries: queries - before.queries,
    checks: checks - before.checks,
    // Without the millisecond of the measuring timer itself.
    eventLoopP99Ms: Math.max(0, Math.round((delay.percentile(99) / 1e6 - 1) * 10) / 10),
    rssMb: Math.round(process.memoryUsage.rss() / 1e6),
    cpuMs: Math.round((cpu.user + cpu.system) / 1000),
  }
  before = { lookups, queries, checks }
  cpuBefore = process.cpuUsage()
  delay.reset()
  process.send?.(stats)
})

function brokerAuth(hub: DeviceHub): RequestListener {
  return nodeListener(createBrokerAuth(hub, { public: true }).fetch)
}

/** Says yes to everybody: what HTTP alone costs here. */
function bare(): RequestListener {
  return (request, response) => {
    request.resume()
    request.on('end', () => response.setHeader('content-type', 'application/json').end('{"result":"allow"}'))
  }
}

/** What is often written by hand: a look-up and a slow hash for each login, nothing remembered. */
function byHand({ storage }: DeviceHub): RequestListener {
  const derive = promisify<string, Buffer, number, object, Buffer>(scrypt)
  return (request, response) => {
    let text = ''
    request.setEncoding('utf8')
    request.on('data', (part) => {
      text += part
    })
    request.on('end', async () => {
      const { username, password } = JSON.parse(text) as { username: string; password: string }
      byHandQueries++
      const [found] = await storage.credentials.find('password', [username])
      const [, n, r, p, salt, hash] = (found?.hash ?? '').split('$')
      const expected = Buffer.from(hash ?? '', 'base64url')
      const cost = { N: 2 ** Number(n), r: Number(r), p: Number(p), maxmem: 256 << 20 }
      const derived = await derive(password, Buffer.from(salt ?? '', 'base64url'), expected.length, cost)
      const result = timingSafeEqual(derived, expected) ? 'allow' : 'deny'
      response.setHeader('content-type', 'application/json').end(JSON.stringify({ result }))
    })
  }
}
