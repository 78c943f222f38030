import { createDeviceClient } from '@devicehub/client'
import { startHiveMq } from '@devicehub/test-kit'
import { drained } from '../drain.js'
import type { FaultCase } from '../fault-case.js'
import { startReplica } from '../replica.js'
import { prepareStage } from '../stage.js'
import { deviceId, Probe } from '../workload.js'

/** A device client publishes 2,000 at once to a broker that grants ten at a time; mqtt.js alone is disconnected for that. */
export const publishBurst: FaultCase = {
  name: 'client publishes 2,000 at once, hivemq (receive maximum 10)',
  async run() {
    const count = 2_000
    await using stage = await prepareStage('postgres')
    await using broker = await startHiveMq({ maxQueued: 100_000 })
    const replica = startReplica({ url: broker.url, clientId: 'hub-1', target: stage.target })
    await replica.ready()
    const client = createDeviceClient(Probe, { url: broker.url, deviceId: deviceId(0) })
    await client.connect()
    const started = Date.now() - count
    const acknowledged = new Set<string>()
    await Promise.all(
      Array.from({ length: count }, async (_, sequence) => {
        await client.record({ sequence }, { timestamp: new Date(started + sequence) })
        acknowledged.add(String(sequence))
      }),
    )
    await client.close()
    const result = await drained(stage.target, acknowledged, count)
    const { mqtt, ingest } = await replica.stop()
    const details = {
      received: mqtt.received,
      acknowledged: mqtt.acknowledged,
      reconnects: mqtt.reconnects,
      ingest,
    }
    return { injected: 1, observed: acknowledged.size === count ? 1 : 0, ...result, details }
  },
}
