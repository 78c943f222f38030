import { expect, test, vi } from 'vitest'
import {
  createDeviceHub,
  createPresenceMonitor,
  DeviceHubError,
  defineDeviceType,
  type Logger,
  memoryStorage,
  reading,
  silentLogger,
} from '../index.js'

const Station = defineDeviceType('station', { heartbeatInterval: 10, readings: { level: reading.float() } })
const transport = { name: 'default', start: async () => {}, stop: async () => {}, publish: async () => {} }

test('a database that is closed before its hub ends what works on it, with one line each and no further try', async () => {
  const lines: string[] = []
  const say = (_fields: object, message?: string) => void lines.push(message ?? '')
  const logger: Logger = { ...silentLogger, warn: say, error: say }
  const memory = memoryStorage()
  let calls = 0
  const gone = async (): Promise<never> => {
    calls++
    throw new DeviceHubError('closed', 'db.destroy() came first')
  }
  const hub = createDeviceHub({
    types: [Station],
    logger,
    storage: {
      ...memory,
      open(context) {
        const storage = memory.open(context)
        return {
          ...storage,
          commit: gone,
          leases: { ...storage.leases, acquire: gone },
          commands: { ...storage.commands, claimDue: gone },
        }
      },
    },
  })
  hub.attach(transport)
  const consumer = hub.consume('billing', { types: [Station] }, async () => {})
  const monitor = createPresenceMonitor(hub)
  const message = { topic: 'things/station/a/data', payload: Buffer.from('{"level":1}'), source: 'test' }
  await expect(hub.ingest([message])).rejects.toMatchObject({ code: 'closed' })
  expect(hub.stats().ingest.fault).toMatchObject({ code: 'closed', message: 'db.destroy() came first' })
  await vi.waitFor(() => expect(lines).toHaveLength(4), { timeout: 60_000 })
  expect(consumer.stats().state).toBe('closed')
  expect(lines.toSorted()).toEqual([
    expect.stringMatching(/^the consumer billing cannot go on: db\.destroy/),
    expect.stringMatching(/^the database could not be asked .* due: db\.destroy/),
    'the storage was closed before the presence monitor that works on it',
    expect.stringMatching(/^this hub stores nothing any more, .*: db\.destroy/),
  ])
  expect(calls).toBe(4)
  await monitor.close()
  await hub.close()
})
