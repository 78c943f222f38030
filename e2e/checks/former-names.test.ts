import { createDeviceClient } from '@devicehub/client'
import { createDeviceHub } from '@devicehub/core'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { createSignals } from '@devicehub/signals'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createWorld, Station, type World } from './calls/world.js'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.hub.close({ timeout: '100ms' }))

const any = (value: unknown) => value as never
const url = 'mqtt://127.0.0.1:1'

const hub = (options: object) => () => createDeviceHub({ types: [Station], ...options })
const credentials = (options: object) => hub({ credentials: { secret: 'a'.repeat(32), ...options } })
const listener = (options: object) => () => createMqttListener(world.hub, { url, ...options } as never)
const client = (options: object) => () =>
  createDeviceClient(Station, { url, deviceId: 'S-1', ...options } as never)

/** The name of an option in 0.1, a call with it, and what the error says of it. */
const RENAMED: [string, () => unknown, string][] = [
  ['publishQueue', listener({ publishQueue: 5 }), 'maxPendingPublications'],
  ['publishMaximum', listener({ publishMaximum: 5 }), 'maxInFlightPublications'],
  ['publishWindow', listener({ publishWindow: 5 }), 'maxInFlightPublications'],
  ['qos0Buffer', listener({ qos0Buffer: 5 }), 'maxQueuedQos0'],
  ['cacheMax', credentials({ cacheMax: 5 }), 'maxCacheEntries'],
  ['maxWaiting', credentials({ maxWaiting: 5 }), 'maxQueued'],
  ['slowConcurrency', credentials({ slowConcurrency: 5 }), 'hashConcurrency'],
  ['slowWaiting', credentials({ slowWaiting: 5 }), 'maxQueuedHashes'],
  ['commands.maxRunning', hub({ commands: { maxRunning: 5 } }), 'concurrency'],
  ['deviceCache.max', hub({ deviceCache: { max: 5 } }), 'maxEntries'],
  ['keepalive', client({ keepalive: 5 }), 'keepAlive'],
  ['maxRunningCommands', client({ maxRunningCommands: 5 }), 'maxPendingCommands'],
  ['limit', () => world.signals.iterate('deviceDataReceived', any({ limit: 5 })), 'maxQueued'],
]

test.each(RENAMED)('%s is refused, and the error names the option of now', (_, call, name) => {
  expect(call).toThrow(
    expect.objectContaining({
      code: 'invalid_options',
      message: expect.stringContaining(`did you mean ${name}?`),
    }),
  )
})

test.each(['closeTimeout', 'closeTimeoutMs'])(
  '%s of signals: the error says that it goes to close()',
  (name) => {
    expect(() => createSignals({ [name]: 5 })).toThrow(
      expect.objectContaining({
        code: 'invalid_options',
        message: expect.stringContaining(`${name} is now an option of close(): close({ timeout: '5s' })`),
      }),
    )
  },
)
