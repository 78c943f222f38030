import { expect, test } from 'vitest'
import {
  createDeviceHub,
  createPresenceMonitor,
  defineDeviceType,
  type Logger,
  memoryStorage,
  reading,
  type StorageAdapter,
  silentLogger,
} from '../index.js'

const Station = defineDeviceType('station', { heartbeatInterval: 10, readings: { level: reading.float() } })

const lines: string[] = []
const say = (fields: object, message?: string) => void lines.push(message ?? JSON.stringify(fields))
const logger: Logger = { ...silentLogger, info: say, warn: say, error: say }

function hubOn(storage: StorageAdapter = memoryStorage()) {
  lines.length = 0
  return createDeviceHub({ types: [Station], storage, logger })
}

const transport = { name: 'late', start: async () => {}, stop: async () => {}, publish: async () => {} }
const closed = (message: RegExp) =>
  expect.objectContaining({ code: 'closed', message: expect.stringMatching(message) })

test('a hub that is closed refuses a transport, a presence monitor and whatever else would work on it', async () => {
  const hub = hubOn()
  await hub.close()
  expect(() => hub.attach(transport)).toThrow(closed(/the hub is closed: it takes no transport .*"late"/))
  expect(() => createPresenceMonitor(hub)).toThrow(closed(/the hub is closed: /))
  expect(() => hub.onClose(() => {})).toThrow(closed(/the hub is closed: /))
  expect(hub.isServed('late')).toBe(false)
})

test('what is called on a hub that is closed says so, and not that something is missing', async () => {
  const hub = hubOn()
  await hub.storage.migrate()
  await hub.close()
  await expect(hub.publish({ topic: 'a', payload: 'b' })).rejects.toEqual(closed(/^the hub is closed/))
  await expect(hub.storage.migrate()).rejects.toEqual(closed(/The storage is closed/))
  await expect(hub.storage.plan()).rejects.toEqual(closed(/The storage is closed/))
})

test('so does one that is closing', async () => {
  const hub = hubOn()
  const closing = hub.close()
  expect(() => hub.attach(transport)).toThrow(closed(/the hub is closed/))
  await closing
})

test('invariant 9: a presence monitor that is left open ends with the hub, gives its lease back and says one thing', async () => {
  const order: string[] = []
  const memory = memoryStorage()
  const hub = hubOn({
    ...memory,
    open(context) {
      const storage = memory.open(context)
      return {
        ...storage,
        leases: {
          ...storage.leases,
          async release(lease) {
            const released = await storage.leases.release(lease)
            order.push(`${lease.name} given back`)
            return released
          },
        },
        async close() {
          order.push('storage closed')
          await storage.close()
        },
      }
    },
  })
  await hub.storage.migrate()
  const monitor = createPresenceMonitor(hub)
  await monitor.sweep()
  expect(monitor.stats().state).toBe('watching')
  await hub.close()
  expect(monitor.stats().state).toBe('closed')
  expect(order).toEqual(['presence given back', 'storage closed'])
  expect(lines).toEqual(['the hub was closed before its presence monitor; close the monitor first'])
  await expect(monitor.sweep()).rejects.toMatchObject({ code: 'closed' })
})

test('one that was closed in time is not told of', async () => {
  const hub = hubOn()
  await hub.storage.migrate()
  await createPresenceMonitor(hub).close()
  await hub.close()
  expect(lines).toEqual([])
})

test('what fails to end, or ends late, keeps the storage open no longer than close() was given', async () => {
  const hub = hubOn()
  hub.onClose(() => {
    throw new Error('broken')
  })
  hub.onClose(() => new Promise<void>(() => {}))
  const undone = hub.onClose(() => void lines.push('undone'))
  undone()
  await hub.close({ timeout: '20ms' })
  expect(lines).toEqual(['what works on the hub did not end cleanly'])
})
