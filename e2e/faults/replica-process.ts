/** One listener process of the fault runs. The parent talks to it over the IPC channel and kills it as it pleases. */
import { consoleLogger, createDeviceHub, silentLogger } from '@devicehub/core'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { storageFor } from './database.js'
import type { ReplicaCommand, ReplicaConfig, ReplicaReport } from './replica.js'
import { Probe } from './workload.js'

const config = JSON.parse(process.argv[2] as string) as ReplicaConfig
const hub = createDeviceHub({
  types: [Probe],
  storage: storageFor(config.target),
  logger: config.verbose ? consoleLogger : silentLogger,
  ...(config.maxBatch === undefined ? {} : { ingest: { maxBatch: config.maxBatch } }),
})
const listener = createMqttListener(hub, {
  url: config.url,
  clientId: config.clientId,
  ...(config.protocolVersion === undefined ? {} : { protocolVersion: config.protocolVersion }),
  ...(config.window === undefined ? {} : { window: config.window }),
  reconnect: { min: 50, max: 500 },
  connectTimeout: 60_000,
})

const report = (event: ReplicaReport['event'], error?: string) => {
  const { brokers: _, ...mqtt } = listener.stats()
  process.send?.({
    event,
    error,
    mqtt,
    ingest: hub.stats().ingest,
    rss: process.memoryUsage.rss(),
  } satisfies ReplicaReport)
}

process.on('message', async (command: ReplicaCommand) => {
  try {
    if (command.do === 'adopt') {
      await listener.adopt(command.clientId)
      report('adopted')
    } else {
      await listener.stop({ leave: command.leave })
      report('stopped')
      await hub.close()
      process.disconnect()
    }
  } catch (error) {
    report('failed', String(error))
  }
})
process.on('disconnect', () => process.exit(0))

await listener.start()
report('ready')
setInterval(() => report('stats'), 100).unref()
