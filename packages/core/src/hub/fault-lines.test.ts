import { expect, onTestFinished, test, vi } from 'vitest'
import { online, Station, world } from '../commands/testing/command-world.js'
import { createCommandTracker } from '../commands/tracker.js'
import { createDispatcher } from '../dispatch/dispatcher.js'
import { holdLease } from '../lease/hold-lease.js'
import { memoryStorage } from '../memory/memory-storage.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { DeviceHubError } from '../model/errors.js'
import type { LogFields } from '../ports/logger.js'
import type { DeviceRecord, Storage } from '../ports/storage.js'
import { createPresenceMonitor } from '../presence/create-presence-monitor.js'
import { markOverdue } from '../presence/mark-overdue.js'
import { createFaultLog } from '../rules/fault-log.js'
import { createDeviceHub } from './create-device-hub.js'

/** While a database is away, its work is tried again and again: one line a minute says so, whatever tries. */

const Meter = defineDeviceType('meter', { readings: { kwh: reading.float() }, unknownDevice: 'register' })

const away = () => new DeviceHubError('storage_unavailable', 'the database is away')

function createLines() {
  const lines: { readonly fields: LogFields; readonly message: string }[] = []
  const write = (fields: LogFields, message: string) => void lines.push({ fields, message })
  return {
    logger: { debug() {}, info() {}, warn: write, error: write },
    with: (part: string) => lines.filter(({ message }) => message.includes(part)),
  }
}

const storageOf = (): Storage => {
  const storage = memoryStorage().open({ types: [Meter] })
  onTestFinished(() => storage.close())
  return storage
}

test('a lease that cannot be renewed', async () => {
  const { leases } = storageOf()
  const lines = createLines()
  const renew = vi.fn(async () => Promise.reject(away()))
  const own = { ...leases, renew }
  const lease = await holdLease({ leases: own, name: 'a', holder: 'me', ttl: '2s', logger: lines.logger })
  onTestFinished(() => lease?.release())
  await vi.waitFor(() => expect(renew.mock.calls.length).toBeGreaterThan(3), { timeout: 5_000 })
  expect(lines.with('could not be renewed')).toHaveLength(1)
})

test('a ledger that cannot be asked; a second outage has a line of its own', async () => {
  const lines = createLines()
  let isAway = true
  const record = { id: 'c', state: 'sent' }
  const find = vi.fn(async () => (isAway ? Promise.reject(away()) : [record]))
  const tracker = createCommandTracker({
    commands: { find } as never,
    logger: lines.logger,
    every: { first: 1, next: 1 },
  })
  const command = tracker.add({ id: 'c', command: 'reboot', deviceId: 'M-1', typeKey: Meter.key })
  const ended = expect(tracker.wait(command)).rejects.toMatchObject({ code: 'closed' })
  const asked = async () => {
    const before = find.mock.calls.length
    await vi.waitFor(() => expect(find.mock.calls.length).toBeGreaterThan(before + 3))
  }
  await asked()
  expect(lines.with('the ledger of commands')).toHaveLength(1)
  isAway = false
  await asked()
  isAway = true
  await asked()
  expect(lines.with('the ledger of commands')).toHaveLength(2)
  tracker.close()
  await ended
})

test('devices that cannot be marked', async () => {
  const storage = storageOf()
  const lines = createLines()
  let tries = 0
  const commit = async () => {
    if (++tries < 3) throw away()
    return { duplicates: null, duplicateSamples: null, reusedIds: null, transitions: [], devices: [] }
  }
  const hub = {
    storage: { ...storage, commit },
    logger: lines.logger,
    topicPrefix: 'things',
    metrics: { count() {} },
  }
  const context = {
    hub: hub as never,
    type: Meter,
    limit: 1_000,
    since: 0,
    now: 10_000,
    fence: { name: 'presence', epoch: 1 },
    signal: new AbortController().signal,
    faultLog: createFaultLog(),
  }
  const record = { deviceId: 'M-1', status: 'online', statusAt: null, lastSeen: 1 } as DeviceRecord
  await markOverdue(context, [record])
  expect(tries).toBe(3)
  expect(lines.with('could not mark devices')).toHaveLength(1)
})

test('a consumer whose places cannot be written, and one whose handler fails', async () => {
  const lines = createLines()
  const memory = memoryStorage()
  let refusals = 4
  const storage = {
    name: 'memory',
    open(context: Parameters<typeof memory.open>[0]) {
      const opened = memory.open(context)
      const advance: typeof opened.consumers.advance = async (step) => {
        if (refusals-- > 0) throw away()
        return opened.consumers.advance(step)
      }
      return { ...opened, consumers: { ...opened.consumers, advance } }
    },
  }
  await using hub = createDeviceHub({ types: [Meter], storage, logger: lines.logger })
  await hub.ingest([{ topic: 'things/meter/M-1/data', payload: Buffer.from('{"kwh":1}'), source: 'test' }])
  let calls = 0
  const handler = async () => {
    if (++calls < 5) throw away()
  }
  const retry = { tries: 2, min: '1ms', max: '5ms' } as const
  const consumer = hub.consume('billing', { types: [Meter], from: 'beginning', retry }, handler)
  await vi.waitFor(() => expect(consumer.stats().handled).toBe(1), { timeout: 5_000 })
  expect([calls, refusals]).toEqual([5, -1])
  expect(lines.with('the handler of the consumer billing failed')).toHaveLength(1)
  expect(lines.with('a record of the consumer billing failed')).toHaveLength(1)
})

test('commands and desired state that cannot be published: one line each, whatever waits', async () => {
  const lines = createLines()
  const of = world(memoryStorage(), { logger: lines.logger })
  const tries = { cmd: 0, desired: 0 }
  let isAway = true
  of.onPublish = ({ topic }) => {
    if (!isAway) return
    tries[topic.endsWith('/desired') ? 'desired' : 'cmd']++
    throw new DeviceHubError('transport_unavailable', 'the broker is away')
  }
  for (const deviceId of ['a', 'b', 'c']) {
    await online(of, deviceId)
    await of.hub.commands.send(Station, deviceId, 'reboot')
    await of.hub.twin(Station).setDesired(deviceId, { mode: 'burst' })
  }
  await vi.waitFor(() => expect(Math.min(tries.cmd, tries.desired)).toBeGreaterThan(3), { timeout: 10_000 })
  expect(lines.with('a command could not be published now')).toHaveLength(1)
  expect(lines.with('desired state could not be published')).toHaveLength(1)
  isAway = false
  await vi.waitFor(() => expect(of.published).toHaveLength(6), { timeout: 10_000 })
})

test('what is due that cannot be asked for, and work on it that fails', async () => {
  const lines = createLines()
  const rejects = vi.fn(async () => Promise.reject(away()))
  const works = vi.fn(async () => ({ more: false, work: [Promise.reject(away())] }))
  for (const [look, part] of [
    [rejects, 'the database could not be asked for commands'],
    [works, 'a dispatch failed'],
  ] as const) {
    const dispatcher = createDispatcher({ looks: [look], every: 1, concurrency: 5, logger: lines.logger })
    dispatcher.start()
    await vi.waitFor(() => expect(look.mock.calls.length).toBeGreaterThan(3))
    await dispatcher.close(1_000)
    expect(lines.with(part)).toHaveLength(1)
  }
})

test('a presence monitor that cannot sweep, and a consumer that cannot claim its place', async () => {
  const lines = createLines()
  const memory = memoryStorage()
  const acquire = vi.fn(async () => Promise.reject(away()))
  const storage = {
    name: 'memory',
    open(context: Parameters<typeof memory.open>[0]) {
      const opened = memory.open(context)
      return { ...opened, leases: { ...opened.leases, acquire } }
    },
  }
  await using hub = createDeviceHub({ types: [Meter], storage, logger: lines.logger })
  const consumer = hub.consume('billing', { types: [Meter] }, () => {})
  await using monitor = createPresenceMonitor(hub, { every: '10ms' })
  const tried = () => monitor.stats().failures > 3 && consumer.stats().failures > 3
  await vi.waitFor(() => expect(tried()).toBe(true), { timeout: 10_000 })
  expect(lines.with('the presence monitor could not sweep')).toHaveLength(1)
  expect(lines.with('the consumer billing cannot go on')).toHaveLength(1)
})
