import type { FakeBrokerOptions } from '@devicehub/test-kit'
import { createMqttListener, type MqttListenerOptions } from '../index.js'
import { breakableLeases, createLeases } from './breakable-leases.js'
import { startFakeBroker } from './fake-broker.js'
import { createHeldHub, type HeldHub } from './held-hub.js'

/** A lease that does not run out while a test runs, however slow the machine is. */
export const slots = { group: 'ingest', max: 2, lease: 600 }

/** For what needs one that runs out, or several looks in it. */
export const brief = { ...slots, lease: 2 }

/** Processes of one configuration at a fake broker, each with its own way to one database. */
export async function slotWorld(options: MqttListenerOptions = {}, brokerOptions: FakeBrokerOptions = {}) {
  const broker = await startFakeBroker(brokerOptions)
  const database = createLeases()
  const started: ReturnType<typeof createMqttListener>[] = []

  function process(more: MqttListenerOptions = {}) {
    const leases = breakableLeases(database)
    const hub = createHeldHub({ leases })
    const listener = createMqttListener(hub, {
      url: broker.url,
      slots,
      reconnect: { min: '20ms', max: '100ms' },
      drainTimeout: '200ms',
      quietPeriod: '50ms',
      ...options,
      ...more,
    })
    started.push(listener)
    return { leases, hub, listener, slot: () => listener.stats().slot }
  }

  return {
    broker,
    database,
    process,
    /** As a process that held the slot, subscribed, and is gone. */
    async orphan(slot: number) {
      const lease = await database.acquire(`slot/${new URL(broker.url).host}/ingest/${slot}`, 'gone', 1_000)
      if (lease === null) throw new Error('it is held')
      await database.renew(lease, 1_000, 'open')
      await database.release(lease)
    },
    note: async (slot: number, group = 'ingest') =>
      (await database.find([`slot/${new URL(broker.url).host}/${group}/${slot}`]))[0]?.note,
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((listener) => listener.stop().catch(() => {})))
      await broker[Symbol.asyncDispose]()
    },
  }
}

/** How often a client id has connected. */
export const connects = (at: Awaited<ReturnType<typeof slotWorld>>, clientId: string) =>
  at.broker.all.filter((each) => each.clientId === clientId).length

export const logOf = (hub: HeldHub, text: RegExp) => hub.log.filter(({ message }) => text.test(message ?? ''))
