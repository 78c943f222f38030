import { describe, expect, test } from 'vitest'
import { memoryStorage } from '../memory/memory-storage.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { DeviceHubError } from '../model/errors.js'
import { EVERY_DEVICE } from '../model/selector/condition.js'
import type { CompleteStorage, Storage } from '../ports/storage.js'
import { defineStorage } from '../rules/define-storage.js'
import { createDeviceHub } from './create-device-hub.js'

const Station = defineDeviceType('station', {
  readings: { temperature: reading.float() },
  unknownDevice: 'register',
})

type Calls = Readonly<Record<string, (...given: never[]) => unknown>>

/** The reference, with functions in place of some of its own, each by its name: `devices.list`, `commit`. */
const storageWith = (calls: Calls) =>
  defineStorage('mine', (context) => {
    const storage = { ...memoryStorage().open(context) } as unknown as Record<string, unknown>
    for (const [call, run] of Object.entries(calls)) {
      const [store = '', method] = call.split('.')
      storage[store] = method === undefined ? run : { ...(storage[store] as object), [method]: run }
    }
    return storage as unknown as CompleteStorage
  })

const openWith = (calls: Calls): Storage => storageWith(calls).open({ types: [Station] })

const NOW = Date.UTC(2026, 0)
const page = { limit: 5 }
const EMPTY = { entries: [], touches: [], changes: [] }

const CALLS: Readonly<Record<string, (storage: Storage) => Promise<unknown>>> = {
  plan: (storage) => storage.plan(),
  migrate: (storage) => storage.migrate(),
  commit: (storage) => storage.commit(EMPTY),
  applyRetention: (storage) => storage.applyRetention(NOW),
  close: (storage) => storage.close(),
  'devices.find': (storage) => storage.devices.find(Station, ['S-1']),
  'devices.list': (storage) => storage.devices.list(Station, EVERY_DEVICE, page),
  'devices.overview': (storage) =>
    storage.devices.overview(Station, EVERY_DEVICE, {
      labels: [],
      seenBefore: NOW,
      batteryBelow: 20,
      maxValues: 5,
    }),
  'devices.overdue': (storage) =>
    storage.devices.overdue(Station, { ...page, before: NOW, statuses: ['online'] }),
  'devices.update': (storage) => storage.devices.update(Station, 'S-1', {}, NOW),
  'devices.delete': (storage) => storage.devices.delete(Station, 'S-1', NOW),
  'readings.list': (storage) => storage.readings.list(Station, {}, page),
  'readings.latest': (storage) => storage.readings.latest(Station, ['S-1']),
  'readings.aggregate': (storage) =>
    storage.readings.aggregate(Station, { field: 'temperature', fn: 'count' }),
  'messages.list': (storage) => storage.messages.list(Station, {}, page),
  'messages.get': (storage) => storage.messages.get({ typeKey: null, id: '1' }),
  'log.read': (storage) => storage.log.read([Station], null, 5),
  'log.end': (storage) => storage.log.end([Station]),
  'log.count': (storage) => storage.log.count([Station], null, 5),
  'leases.find': (storage) => storage.leases.find(['a']),
  'consumers.list': (storage) => storage.consumers.list(),
  'commands.list': (storage) => storage.commands.list({}, page),
  'twins.get': (storage) => storage.twins.get(Station, 'S-1'),
  'credentials.changes': (storage) => storage.credentials.changes(null, 5),
  'claims.listKeys': (storage) => storage.claims.listKeys(page),
}
const run = (call: string, calls: Calls): Promise<unknown> =>
  (CALLS[call] as (storage: Storage) => Promise<unknown>)(openWith(calls))

/** What an error tells of where it was thrown, to programs. */
const detailsOf = (call: string) => {
  const [method, store] = call.split('.').reverse()
  return store === undefined ? { storage: 'mine', method } : { storage: 'mine', store, method }
}

const boom = (): never => {
  throw new Error('boom')
}

describe('what a function of an own storage throws', () => {
  const cause = new Error('boom')
  test.each(Object.keys(CALLS))(
    '%s: an error that says nothing of itself is told with its place',
    async (call) => {
      const thrown = [
        () => {
          throw cause
        },
        async () => {
          throw cause
        },
      ]
      for (const method of thrown)
        await expect(run(call, { [call]: method })).rejects.toMatchObject({
          name: 'DeviceHubError',
          code: 'storage_unavailable',
          message: expect.stringMatching(new RegExp(`^The storage "mine" threw in ${call}: boom\\.`)),
          details: detailsOf(call),
          cause,
        })
    },
  )

  test.each(Object.keys(CALLS))('%s: a DeviceHubError is passed on as it is', async (call) => {
    const refused = new DeviceHubError('storage_failed', 'no')
    const method = async () => {
      throw refused
    }
    await expect(run(call, { [call]: method })).rejects.toBe(refused)
  })

  test('what is no error at all', async () => {
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    for (const thrown of [undefined, null, 'text', proxy, Symbol('a')])
      await expect(run('log.end', { 'log.end': () => Promise.reject(thrown) })).rejects.toMatchObject({
        code: 'storage_unavailable',
      })
  })

  test('while it is opened', () => {
    const storage = defineStorage('mine', boom)
    expect(() => createDeviceHub({ types: [Station], storage })).toThrow(
      expect.objectContaining({
        code: 'storage_failed',
        message: 'The storage "mine" could not be opened: boom',
      }) as Error,
    )
  })

  test.each(['devices.find', 'devices.ensure', 'commit'])(
    '%s: a message waits for it, and is not lost',
    async (call) => {
      // One database for all of them: each opening of the reference in `storageWith` has another.
      const { commit, devices } = memoryStorage().open({ types: [Station] })
      const own = { commit, 'devices.find': devices.find, 'devices.ensure': devices.ensure }
      let tries = 0
      const method = (...given: never[]) => {
        if (++tries < 3) throw new Error('connection lost')
        return (own[call as keyof typeof own] as (...given: never[]) => unknown)(...given)
      }
      const shared = {
        ...own,
        [call]: method,
      } as unknown as Calls
      const logger = { debug() {}, info() {}, warn() {}, error() {} }
      await using hub = createDeviceHub({ types: [Station], storage: storageWith(shared), logger })
      const [outcome] = await hub.ingest([
        { topic: 'things/station/S-1/data', payload: Buffer.from('{"temperature":1}'), source: 'test' },
      ])
      expect(outcome).toMatchObject({ status: 'stored', samples: 1 })
      expect(tries).toBeGreaterThanOrEqual(3)
    },
  )
})

const device = {
  deviceId: 'S-1',
  name: 'S-1',
  status: 'online',
  statusAt: null,
  statusClaimedAt: null,
  batteryLevel: null,
  lastSeen: null,
  firmwareVersion: null,
  isActive: true,
  sessionAt: null,
  mqttUsername: null,
  metadata: '{}',
  labels: {},
  state: [],
  createdAt: NOW,
  updatedAt: NOW,
}
const pageWith = (more: object) => ({ items: [device, { ...device, ...more }], cursor: null })
const hostile = Object.defineProperty({}, 'items', { get: boom })
const found = { duplicates: null, duplicateSamples: null, reusedIds: null, transitions: [], devices: [] }

describe('what a function of an own storage returns', () => {
  test.each<[call: string, told: string, returned: unknown]>([
    ['devices.find', 'null; a list is due', null],
    ['devices.find', 'undefined; a list is due', undefined],
    ['devices.find', 'null as [0]; the record of a device is due', [null]],
    ['devices.find', 'a Map; a list is due', new Map()],
    ['devices.overdue', 'a list; a page { items, cursor } is due', [device]],
    ['devices.overdue', 'undefined as cursor; a text, or null is due', { items: [device] }],
    ['devices.overdue', '5 as cursor; a text, or null is due', { items: [device], cursor: 5 }],
    ['devices.overdue', 'an object as items; a list is due', { items: {}, cursor: null }],
    [
      'devices.overdue',
      'a Date as items[1].createdAt; a time in epoch milliseconds is due',
      pageWith({ createdAt: new Date() }),
    ],
    [
      'devices.overdue',
      'NaN as items[1].updatedAt; a time in epoch milliseconds is due',
      pageWith({ updatedAt: Number.NaN }),
    ],
    [
      'devices.overdue',
      '100000000000000000 as items[1].lastSeen; a time in epoch milliseconds, or null is due',
      pageWith({ lastSeen: 1e17 }),
    ],
    ['devices.overdue', 'undefined as items[1].state; a list is due', pageWith({ state: undefined })],
    ['devices.overdue', 'a text of 2 characters as items[1].status; one of ', pageWith({ status: 'on' })],
    ['devices.overdue', 'an object as items[1].metadata; a text is due', pageWith({ metadata: {} })],
    ['devices.overdue', 'an object; a result that can be read is due', hostile],
    ['devices.list', 'undefined as more; true or false is due', { items: [] }],
    [
      'devices.list',
      'undefined as items[0].record; the record of a device is due',
      { items: [device], more: false },
    ],
    ['devices.overview', 'undefined as total; a whole number from 0 is due', {}],
    ['devices.update', 'undefined; the record of a device, or null is due', undefined],
    ['devices.delete', 'undefined; true or false is due', undefined],
    ['readings.list', '1 as items[0].id; a text is due', { items: [{ id: 1 }], cursor: null }],
    [
      'readings.latest',
      '5 as [0].values[0]; a last value { value, at }, or null is due',
      [{ deviceId: 'S-1', orderAt: 1, values: [5] }],
    ],
    ['readings.aggregate', '5n as [0].result; a stored value', [{ bucket: null, result: 5n }]],
    ['messages.get', 'undefined as id; a text is due', {}],
    ['log.read', 'null as cursor; a text is due', { messages: [], cursor: null }],
    ['log.end', '5; a text is due', 5],
    ['log.count', '-1; a whole number from 0 is due', -1],
    ['log.count', '1.5; a whole number from 0 is due', 1.5],
    ['log.count', 'a text of 1 characters; a whole number from 0 is due', '5'],
    ['leases.find', '-1 as [0].epoch; a whole number from 0 is due', [{ name: 'a', epoch: -1 }]],
    ['consumers.list', 'an object; a list is due', {}],
    ['commands.list', 'undefined as items[0].id; a text is due', { items: [{}], cursor: null }],
    ['twins.get', 'a text of 1 characters; the record of a twin, or null is due', 'a'],
    [
      'credentials.changes',
      'null as position; a whole number from 0 is due',
      { position: null, devices: [] },
    ],
    ['claims.listKeys', 'null; a page { items, cursor } is due', null],
    ['plan', 'null as steps; a list is due', { steps: null }],
    ['migrate', 'undefined; a plan { steps } is due', undefined],
    ['applyRetention', 'undefined as messages; a whole number from 0 is due', { readings: 1 }],
    ['commit', 'undefined; what a commit found is due', undefined],
    ['commit', 'null as transitions; a list is due', { ...found, transitions: null }],
    ['commit', 'undefined as commands; a Map, or null is due', found],
  ])('%s returned %s', async (call, told, returned) => {
    for (const method of [() => returned, async () => returned])
      await expect(run(call, { [call]: method })).rejects.toMatchObject({
        name: 'DeviceHubError',
        code: 'storage_failed',
        message: expect.stringContaining(
          `The storage "mine" is not written as it has to be: ${call} returned ${told}`,
        ),
        details: detailsOf(call),
      })
  })
})

describe('capabilities.control of an own storage', () => {
  test('may be said, as the stores are', () => {
    expect(openWith({}).capabilities).toEqual({ control: true, preferredBatch: 500 })
    const without = defineStorage('mine', (context) => {
      const { devices, readings, messages, log, plan, migrate, commit, applyRetention, close } =
        memoryStorage().open(context)
      const capabilities = { control: false, preferredBatch: 9 }
      return { devices, readings, messages, log, plan, migrate, commit, applyRetention, close, capabilities }
    })
    expect(without.open({ types: [Station] }).capabilities).toEqual({ control: false, preferredBatch: 9 })
  })

  test('is refused where the stores say otherwise', () => {
    const open = (control: boolean, stores: object) =>
      defineStorage('mine', (context) => ({
        ...memoryStorage().open(context),
        ...stores,
        capabilities: { control },
      })).open({ types: [Station] })
    const none = Object.fromEntries(
      ['commands', 'twins', 'leases', 'consumers', 'credentials', 'claims'].map((store) => [
        store,
        undefined,
      ]),
    )
    const refused = (message: string) =>
      expect.objectContaining({ code: 'invalid_options', message: expect.stringContaining(message) }) as Error
    expect(() => open(true, none)).toThrow(refused('capabilities.control of "mine" must be false'))
    expect(() => open(false, {})).toThrow(refused('capabilities.control of "mine" must be true'))
    expect(() => open('yes' as unknown as boolean, {})).toThrow(refused('control must be true or false'))
  })
})
