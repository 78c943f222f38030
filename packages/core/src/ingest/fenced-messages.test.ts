import { expect, test } from 'vitest'
import { createDeviceHub } from '../hub/create-device-hub.js'
import { memoryStorage } from '../memory/memory-storage.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import type { LeaseFence } from '../ports/leases.js'
import { silentLogger } from '../ports/logger.js'
import type { CommitBatch, StorageAdapter } from '../ports/storage.js'
import type { IngestOutcome } from './ingest.js'

const Station = defineDeviceType('station', {
  readings: { temperature: reading.float() },
  unknownDevice: 'register',
})

/** A hub with two leases of its own, and a way to have both taken over. */
async function makeHub(onCommit: (batch: CommitBatch) => void = () => {}) {
  const memory = memoryStorage()
  const storage: StorageAdapter = {
    name: 'tapped',
    open(context) {
      const opened = memory.open(context)
      return {
        ...opened,
        commit(batch) {
          onCommit(batch)
          return opened.commit(batch)
        },
      }
    },
  }
  const hub = createDeviceHub({ types: [Station], storage, logger: silentLogger })
  const claim = async (name: string): Promise<LeaseFence> => {
    const lease = await hub.storage.leases.acquire(name, 'me', 60_000)
    if (lease === null) throw new Error(`${name} is held`)
    return { name, epoch: lease.epoch }
  }
  return { hub, claim }
}

const message = (temperature: number, fence?: LeaseFence) => ({
  topic: 'things/station/s1/data',
  payload: Buffer.from(JSON.stringify({ temperature })),
  source: 'test',
  qos: 1 as const,
  fence,
})

/** All at once, so that they share a batch; the outcomes in the order given. */
function pushAll(
  hub: Awaited<ReturnType<typeof makeHub>>['hub'],
  messages: readonly ReturnType<typeof message>[],
): Promise<IngestOutcome[]> {
  return Promise.all(
    messages.map((one) => new Promise<IngestOutcome>((settle) => hub.ingest.push(one, settle))),
  )
}

test('invariant 1: what came under a lease that is another one’s by now is handed back, the rest of its batch stored', async () => {
  const batches: number[] = []
  const { hub, claim } = await makeHub(({ entries }) => batches.push(entries.length))
  const [old, other] = [await claim('slot/1'), await claim('slot/2')]
  const present = await claim('slot/1')
  const outcomes = await pushAll(hub, [
    message(1, present),
    message(2),
    message(3, other),
    message(4, present),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['stored', 'stored', 'stored', 'stored'])
  expect(batches).toEqual([4])

  const mixed = await pushAll(hub, [message(5, old), message(6), message(7, other), message(8, old)])
  expect(mixed.map(({ status }) => status)).toEqual(['failed', 'stored', 'stored', 'failed'])
  expect(mixed[0]).toMatchObject({ error: { code: 'fenced', details: { name: 'slot/1' } } })
  const { items } = await hub.readings.list(Station, { order: 'asc' })
  expect(items.map(({ readings }) => readings.temperature)).toEqual([1, 2, 3, 4, 6, 7])
  expect(hub.stats().ingest).toMatchObject({ failed: 2, fenced: 2, stored: 6 })
  const messages = await hub.messages.list(Station)
  expect(messages.items, 'no audit row either: the new holder writes it').toHaveLength(6)
  await hub.close()
  expect(hub.stats().ingest.queued).toBe(0)
})

test('a lease that was lost and claimed again: only what came under the old epoch is handed back', async () => {
  const { hub, claim } = await makeHub()
  const old = await claim('slot/1')
  const again = await claim('slot/1')
  const outcomes = await pushAll(hub, [
    message(1, old),
    message(2, again),
    message(3, old),
    message(4, again),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['failed', 'stored', 'failed', 'stored'])
  await hub.close()
})

test('two leases lost at once: each one’s messages are handed back', async () => {
  const { hub, claim } = await makeHub()
  const [a, b] = [await claim('slot/1'), await claim('slot/2')]
  await Promise.all([claim('slot/1'), claim('slot/2')])
  const outcomes = await pushAll(hub, [message(1, a), message(2, b), message(3)])
  expect(outcomes.map(({ status }) => status)).toEqual(['failed', 'failed', 'stored'])
  await hub.close()
})

test('a quarantined message is fenced like any other', async () => {
  const { hub, claim } = await makeHub()
  const old = await claim('slot/1')
  await claim('slot/1')
  const refusal = { code: 'handler_failed', reason: 'it threw' } as const
  await expect(hub.quarantine(message(1, old), refusal)).rejects.toMatchObject({ code: 'fenced' })
  expect((await hub.messages.list(null)).items).toEqual([])
  await hub.close()
})
