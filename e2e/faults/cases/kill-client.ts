import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { startMosquitto, waitUntil } from '@devicehub/test-kit'
import { readClientLedger } from '../client-ledger.js'
import { type ClientReplica, startClient } from '../client-replica.js'
import { drained } from '../drain.js'
import type { FaultCase } from '../fault-case.js'
import { startReplica } from '../replica.js'
import { prepareStage } from '../stage.js'

const RATE = 200

/**
 * A device that samples into its outbox is killed again and again: while it sends, while the broker is away, and while
 * it catches up. What `record()` confirmed must be stored once. Mosquitto owes what it has acknowledged to its disk at
 * intervals only, so it is saved before it is killed, with the device dead; otherwise it is shut down in order.
 */
export const killClient: FaultCase = {
  name: 'client killed while it samples, through outages of the broker',
  async run({ quick, say }) {
    const kills = quick ? 4 : 20
    await using stage = await prepareStage('postgres')
    await using broker = await startMosquitto()
    const folder = mkdtempSync(join(tmpdir(), 'devicehub-client-'))
    const ledger = join(folder, 'ledger')
    const config = { url: broker.url, folder: join(folder, 'outbox'), ledger, rate: RATE }
    // MQTT 3.1.1, so that the subscription is not shared: mosquitto 2.0.11 forgets shared ones when it is restarted.
    const hub = startReplica({
      url: broker.url,
      clientId: 'hub-1',
      target: stage.target,
      protocolVersion: 4,
    })
    let device: ClientReplica | null = null
    try {
      await hub.ready()
      let observed = 0
      let behind = 0
      let offline = 0
      device = startClient(config)
      for (let kill = 0; kill < kills; kill++) {
        const manner = (['sending', 'offline', 'catching up', 'broker killed'] as const)[kill % 4]
        await device.recorded(50 + Math.random() * 150)
        if (manner === 'offline' || manner === 'catching up') await broker.shutdown()
        if (manner === 'catching up') {
          await device.recorded((device.last?.recorded ?? 0) + 200)
          await broker.restart()
          await new Promise((resolve) => setTimeout(resolve, Math.random() * 200))
        }
        if (manner === 'offline') await device.recorded((device.last?.recorded ?? 0) + 100)
        const recorded = device.last?.recorded ?? 0
        const queued = device.last?.stats.queued ?? 0
        if ((await device.kill()) && recorded > 0) observed++
        behind += queued
        if (manner === 'offline') offline += queued
        say(
          `  kill ${kill + 1} of ${kills} (${manner}): ${recorded} recorded in this life, ${queued} not delivered`,
        )
        if (manner === 'broker killed') {
          await broker.save()
          await broker.kill()
        }
        device = startClient(config)
        if (manner === 'offline' || manner === 'broker killed') {
          await device.recorded(50)
          await broker.restart()
        }
      }
      await device.recorded(100)
      const last = await device.stop()
      const { measured, confirmed } = readClientLedger(ledger)
      const result = await drained(stage.target, confirmed, measured)
      // Another look when all is there: what comes twice comes later.
      await waitUntil('the hub to have nothing under way', async () => {
        const before = (await hub.nextReport()).mqtt.acknowledged
        await new Promise((resolve) => setTimeout(resolve, 300))
        return (await hub.nextReport()).mqtt.acknowledged === before
      })
      const settled = await drained(stage.target, confirmed, measured)
      const { ingest } = await hub.stop()
      return {
        injected: kills,
        observed,
        ...result,
        duplicated: Math.max(result.duplicated, settled.duplicated),
        violations: last.stats.dropped + last.stats.corrupt + last.stats.setAside + last.stats.queued,
        details: {
          measured,
          unconfirmed: measured - confirmed.size,
          notDeliveredWhenKilled: behind,
          ofTheseOffline: offline,
          duplicatesRecognised: ingest.duplicates,
        },
      }
    } finally {
      if (device?.alive) await device.kill()
      if (hub.alive) await hub.kill()
      rmSync(folder, { recursive: true, force: true })
    }
  },
}
