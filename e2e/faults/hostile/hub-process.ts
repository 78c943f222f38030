/** The hub that is attacked, in a process of its own. The parent talks to it over the IPC channel. */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { createDeviceHub, type InboundMessage, type IngestOutcome } from '@devicehub/core'
import { nodeListener } from '@devicehub/http'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { createProvisioner } from '@devicehub/provision'
import { storageFor } from '../database.js'
import { Probe } from '../workload.js'
import { checkingLogger } from './checking-logger.js'
import type { HubAnswer, HubCall, HubConfig } from './hub.js'
import { measured } from './measured.js'
import { poisonEnvelopes } from './poison.js'
import { Gauge, Odd } from './types.js'

const config = JSON.parse(process.argv[2] as string) as HubConfig
const log = checkingLogger(config.verbose)
const meter = measured(storageFor(config.target))
const loop = monitorEventLoopDelay({ resolution: 10 })
loop.enable()

const hub = createDeviceHub({
  types: [Probe, Gauge, Odd],
  storage: meter.adapter,
  logger: log.logger,
  credentials: { secret: config.secret },
})
const provisioner = createProvisioner(hub)
const listen = () =>
  createMqttListener(hub, {
    url: config.url,
    protocolVersion: config.protocolVersion,
    username: config.username,
    password: config.password,
    ...(config.group === null
      ? { clientId: 'hub-1', sharedGroup: false }
      : { slots: { group: config.group, max: 1 } }),
    reconnect: { min: '50ms', max: '500ms' },
  })
let listener = listen()
const server = createServer(nodeListener(provisioner.claimHandler))

const push = (message: unknown) =>
  new Promise<IngestOutcome>((settle) => hub.ingest.push(message as InboundMessage, settle))

const CALLS: { [Name in HubCall['do']]: (call: Extract<HubCall, { do: Name }>) => Promise<unknown> } = {
  async take() {
    const result = { delays: meter.take(), loopMaxMs: Math.round(loop.max / 1e6) }
    loop.reset()
    return result
  },
  async stats() {
    const { ingest } = hub.stats()
    const { received, acknowledged, reconnects } = listener.stats()
    return {
      ingest,
      mqtt: { received, acknowledged, reconnects },
      claims: provisioner.stats().claims,
      log: { lines: log.lines, uncleanCount: log.uncleanCount, unclean: log.unclean },
      rss: process.memoryUsage.rss(),
    }
  },
  async poison({ deviceId, times }) {
    const outcomes: Promise<IngestOutcome>[] = []
    for (let n = 0; n < times; n++)
      for (const message of poisonEnvelopes(deviceId)) outcomes.push(push(message))
    const statuses: Record<string, number> = {}
    for (const { status } of await Promise.all(outcomes)) statuses[status] = (statuses[status] ?? 0) + 1
    return statuses
  },
  async send({ deviceId, command }) {
    return (await hub.commands.send(Gauge, deviceId, command, undefined, { timeout: 120 })).id
  },
  async command({ id }) {
    const info = await hub.commands.get(id)
    return info === null ? null : { state: info.state, reason: info.reason }
  },
  async status({ deviceId }) {
    return (await hub.devices.get(Gauge, deviceId))?.status ?? null
  },
  async latest({ deviceId }) {
    const [newest] = (await hub.readings.list(Gauge, { deviceId, limit: 1 })).items
    return newest === undefined ? null : { level: newest.readings.level, at: newest.measuredAt.getTime() }
  },
  async resubscribe() {
    await listener.stop()
    listener = listen()
    await listener.start()
  },
  async stop() {
    await listener.stop()
    await new Promise((resolve) => server.close(resolve))
    server.closeAllConnections()
    await hub.close()
  },
}

process.on('message', async ({ id, call }: { readonly id: number; readonly call: HubCall }) => {
  const answer: HubAnswer = await (CALLS[call.do] as (call: HubCall) => Promise<unknown>)(call).then(
    (result) => ({ id, result }),
    (error: unknown) => ({ id, error: String(error) }),
  )
  process.send?.(answer)
  if (call.do === 'stop') process.disconnect()
})
process.on('disconnect', () => process.exit(0))

await listener.start()
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
process.send?.({ id: 0, result: (server.address() as AddressInfo).port } satisfies HubAnswer)
