import {
  createDeviceHub,
  memoryStorage,
  type Storage,
  type StorageAdapter,
  silentLogger,
} from '@devicehub/core'
import { createRawClient, describeWith, waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { breakableLeases } from '../testing/breakable-leases.js'
import { Station } from '../testing/station.js'

describeWith(['mosquitto'], 'two hubs of one database', ({ mosquitto }) => {
  test('invariant 2: a commit under way when the slot goes to another process writes nothing', async () => {
    const adapter = memoryStorage()
    const storage = adapter.open({ types: [Station] })
    const ways = [breakableLeases(storage.leases), breakableLeases(storage.leases)] as const
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    let committing = false
    const slow: StorageAdapter = {
      name: 'slow',
      open: (context): Storage => ({
        ...adapter.open(context),
        leases: ways[0],
        async commit(batch) {
          committing = true
          await gate
          return storage.commit(batch)
        },
      }),
    }
    const quick: StorageAdapter = {
      name: 'quick',
      open: (context): Storage => ({ ...adapter.open(context), leases: ways[1] }),
    }
    const options = { types: [Station], unknownDevice: 'register', logger: silentLogger } as const
    const [first, second] = [slow, quick].map((each) => createDeviceHub({ ...options, storage: each }))
    const listen = (hub: typeof first) =>
      createMqttListener(hub as NonNullable<typeof hub>, {
        url: mosquitto().url,
        slots: { group: 'fenced', max: 1, lease: 2 },
      })
    const [one, two] = [listen(first), listen(second)]
    await one.start()
    await two.start()
    await using device = await createRawClient({ port: mosquitto().port })
    // Neither an id nor a time: nothing but the fence tells that it was stored already.
    await device.publish('things/station/a/data', '{"temperature":21}')
    await waitUntil('the commit', () => committing)
    ways[0].fault = 'rejects'
    await waitUntil('the other to have it stored', () => two.stats().acknowledged === 1)
    open()
    await waitUntil('the refusal', () => one.stats().fenced === 1)
    const { items } = await storage.readings.list(Station, {}, { limit: 10 })
    expect(items).toHaveLength(1)
    expect(one.stats()).toMatchObject({ acknowledged: 0, slotsLost: 1 })
    ways[0].fault = 'none'
    await first?.close()
    await second?.close()
  })
})
