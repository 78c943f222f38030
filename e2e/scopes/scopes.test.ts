import {
  createDeviceHub,
  isDeviceHubError,
  type MessageRef,
  memoryStorage,
  type StorageAdapter,
  silentLogger,
} from '@devicehub/core'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { describeWith } from '@devicehub/test-kit'
import { Kysely, MysqlDialect, PostgresDialect } from 'kysely'
import mysql from 'mysql2'
import pg from 'pg'
import { describe, expect, test } from 'vitest'
import { ATTACKS, type Attack, rowsOf, TODAY } from './attacks.js'
import { createWorld, Pump, SCOPE, SECRET, SECRET_NUMBER, type Target, type World } from './world.js'

interface Opened {
  readonly adapter: StorageAdapter
  cleanup(): Promise<void>
}

function scopes(open: () => Promise<Opened>): void {
  async function world(): Promise<World> {
    const { adapter, cleanup } = await open()
    const made = await createWorld(adapter)
    return {
      ...made,
      async [Symbol.asyncDispose]() {
        await made[Symbol.asyncDispose]()
        await cleanup()
      },
    }
  }

  test('what is of another customer is to each function as if it had never been', async () => {
    await using at = await world()
    const before = await at.othersNow()
    const wrong: string[] = []
    for (const [name, attacks] of Object.entries(ATTACKS))
      for (const [index, attack] of attacks.entries()) {
        const what = `${name} ${index}`
        const outcomes = {
          foreign: await outcomeOf(at, attack, at.foreign),
          ghost: await outcomeOf(at, attack, at.ghost),
          foreignType: await outcomeOf(at, attack, at.foreignType),
          ghostType: await outcomeOf(at, attack, at.ghostType),
          own: await outcomeOf(at, attack, await at.own()),
        }
        if (outcomes.foreign !== outcomes.ghost)
          wrong.push(`${what}: ${outcomes.foreign}, not ${outcomes.ghost}`)
        if (outcomes.foreignType !== outcomes.ghostType)
          wrong.push(`${what}, of a type outside: ${outcomes.foreignType}, not ${outcomes.ghostType}`)
        // An attack that finds nothing of its own either would find nothing anywhere.
        const nothing = name === 'typeOptions' ? outcomes.ghostType : outcomes.ghost
        if (outcomes.own === nothing) wrong.push(`${what} tries nothing: ${outcomes.own}`)
      }
    expect(wrong).toEqual([])
    expect(await at.othersNow()).toEqual(before)
  })

  test('what is told without being asked for one device is of the own ones alone', async () => {
    await using at = await world()
    const { customer: hub, foreign } = at
    const mine = [await at.own(), await at.own()]
    const { type } = foreign
    // Some of a list may be outside.
    const mixed = [foreign.deviceId, ...mine.map(({ deviceId }) => deviceId)]
    const series = { ...TODAY, devices: mixed, fields: ['level'] } as const
    const told = await Promise.all([
      hub.devices.list(type),
      hub.devices.listAll({ sort: 'label.customer' }),
      hub.devices.count(type),
      hub.devices.countAll(),
      hub.devices.overview(type, { byLabels: ['customer'] }),
      hub.readings.list(type, { limit: 1000 }),
      hub.readings.latestOf(type, mixed),
      hub.readings.aggregate(type, { field: 'level', fn: 'sum' }),
      hub.readings.aggregate(type, { field: 'level', fn: 'max', interval: 'month' }),
      hub.messages.list(type, { limit: 1000 }),
      hub.messages.list(null),
      hub.commands.list({ limit: 1000 }),
      rowsOf(hub.readings.export(type, {})),
      rowsOf(hub.messages.export(type, {})),
      rowsOf(hub.messages.export(null, {})),
      hub.readings.latestSamplesOf(type, mixed),
      hub.readings.series(type, { ...series, interval: 'day', fn: ['max', 'p50'] }),
      hub.readings.series(type, { ...series, points: 10, fn: 'shape' }),
    ])
    const text = JSON.stringify(told, plain)
    expect(text).not.toContain(SECRET)
    expect(text).not.toContain(String(SECRET_NUMBER))
    // A series has each device that was asked for, with nothing where there is none.
    expect(JSON.stringify(told.slice(0, 16), plain)).not.toContain(foreign.deviceId)
    expect(told[2]).toEqual({ count: 2, isExact: true })
    expect(told[3]).toEqual({ count: 2, isExact: true })
    expect(told[4]).toMatchObject({ total: 2, byLabel: { customer: { others: 0, without: 0 } } })
    expect(told[5].items).toHaveLength(2)
    expect([...told[6].keys()].sort()).toEqual(mine.map(({ deviceId }) => deviceId).sort())
    expect(told[7]).toEqual([{ bucket: null, result: 10 }])
    expect(told[10]).toEqual({ items: [], cursor: null })
    expect(told[11].items).toHaveLength(2)
    expect(told[15].size).toBe(2)
    for (const found of told.slice(16))
      for (const { deviceId } of mine) expect(JSON.stringify(found)).toContain(deviceId)
  })

  test('a cursor is good for its own list in its own scope alone', async () => {
    await using at = await world()
    await at.own()
    await at.own()
    const { customer, hub, foreign } = at
    const { type } = foreign
    await hub.commands.send(type, foreign.deviceId, 'reboot')
    await hub.devices.create(type, { deviceId: 'theirs-3', labels: { customer: SECRET } })
    const lists = {
      devices: (of: typeof customer, cursor?: string) => of.devices.list(type, { limit: 1, cursor }),
      allDevices: (of: typeof customer, cursor?: string) => of.devices.listAll({ limit: 1, cursor }),
      readings: (of: typeof customer, cursor?: string) => of.readings.list(type, { limit: 1, cursor }),
      messages: (of: typeof customer, cursor?: string) => of.messages.list(type, { limit: 1, cursor }),
      commands: (of: typeof customer, cursor?: string) => of.commands.list({ limit: 1, cursor }),
    }
    const others = hub.scoped({ labels: { customer: SECRET } })
    const narrower = customer.scoped({ deviceId: ['mine-1', 'mine-2'] })
    for (const [name, list] of Object.entries(lists)) {
      const own = (await list(customer)).cursor ?? ''
      expect((await list(customer, own)).items, name).toHaveLength(1)
      const cursors = [(await list(hub)).cursor, (await list(narrower)).cursor, 'nonsense']
      if (name !== 'readings') cursors.push((await list(others)).cursor)
      for (const cursor of cursors) {
        expect(cursor, name).not.toBeNull()
        await expect(list(customer, cursor ?? ''), name).rejects.toSatisfy((error) =>
          isDeviceHubError(error, 'invalid_query'),
        )
      }
      await expect(list(hub, own), name).rejects.toSatisfy((error) =>
        isDeviceHubError(error, 'invalid_query'),
      )
      // Of one type, the devices of all types are the same list.
      for (const [other, theirs] of Object.entries(lists))
        if (other.slice(-6).toLowerCase() !== name.slice(-6).toLowerCase())
          await expect(theirs(customer, own), `${name} in ${other}`).rejects.toSatisfy((error) =>
            isDeviceHubError(error, 'invalid_query'),
          )
    }
    // The same scope made anew, as with the next request.
    const again = hub.scoped(JSON.parse(JSON.stringify(SCOPE)))
    const { cursor } = await customer.messages.list(type, { limit: 1 })
    expect((await again.messages.list(type, { limit: 1, cursor: cursor ?? '' })).items).toHaveLength(1)
    await expect(
      again.messages.list(type, { limit: 1, channel: 'data', cursor: cursor ?? '' }),
    ).rejects.toSatisfy((error) => isDeviceHubError(error, 'invalid_query'))
  })

  test('a device is created with the labels of its scope, and does not leave it', async () => {
    await using at = await world()
    const { customer, hub, foreign } = at
    const { type } = foreign
    const made = await customer.devices.create(type, { deviceId: 'new', labels: { site: 'roof' } })
    expect(made.labels).toEqual({ customer: SCOPE.labels.customer, site: 'roof' })
    expect((await hub.devices.get(type, 'new'))?.labels).toEqual(made.labels)
    const isOutside = (error: unknown) => isDeviceHubError(error, 'out_of_scope')
    const leave = { labels: { customer: 'else' } }
    await expect(customer.devices.create(type, { deviceId: 'x', ...leave })).rejects.toSatisfy(isOutside)
    await expect(customer.devices.update(type, 'new', { ...leave, name: 'gone' })).rejects.toSatisfy(
      isOutside,
    )
    await expect(customer.devices.update(type, 'new', { labels: { customer: null } })).rejects.toSatisfy(
      isOutside,
    )
    for (const target of [{ deviceIds: ['new', foreign.deviceId] }, { filter: {} }])
      await expect(customer.devices.updateMany(type, target, { ...leave, name: 'gone' })).rejects.toSatisfy(
        isOutside,
      )
    expect(await hub.devices.get(type, 'new')).toMatchObject({ name: 'new', labels: made.labels })
    // An id is taken, whoever has it: the one thing that a scope tells of what is outside.
    await expect(customer.devices.create(type, { deviceId: foreign.deviceId })).rejects.toSatisfy((error) =>
      isDeviceHubError(error, 'device_exists'),
    )
  })

  test('what a deleted device of the same id left behind is not shown with the new one', async () => {
    await using at = await world()
    const { customer, hub, foreign } = at
    await hub.devices.delete(foreign.type, foreign.deviceId)
    await new Promise((resolve) => setTimeout(resolve, 2))
    await customer.devices.create(foreign.type, { deviceId: foreign.deviceId })
    const { type, deviceId } = foreign
    expect((await customer.messages.list(type, { deviceId })).items).toEqual([])
    expect(await customer.messages.get(foreign.message)).toBeNull()
    expect((await customer.commands.list({ deviceId })).items).toEqual([])
    expect(await customer.commands.get(foreign.commandId)).toBeNull()
    expect((await hub.messages.list(type, { deviceId })).items).not.toEqual([])
  })

  test('a device that registers itself has its first message and sample from the beginning', async () => {
    const { adapter, cleanup } = await open()
    // Each look at the clock is later than the one before: the message is received before its device is created.
    let now = Date.now()
    const hub = createDeviceHub({
      types: [Pump],
      storage: adapter,
      logger: silentLogger,
      unknownDevice: 'register',
      clock: { now: () => ++now },
    })
    try {
      await hub.storage.migrate()
      const [topic, payload] = ['things/pump/new-1/data', Buffer.from('{ "level": 5 }')]
      await hub.ingest([{ topic, payload, source: 'test', qos: 1 }])
      const device = await hub.devices.get(Pump, 'new-1')
      const scoped = hub.scoped({ deviceId: 'new-1' })
      const { items } = await scoped.messages.list(Pump, { deviceId: 'new-1' })
      expect(items).toHaveLength(1)
      expect(items[0]?.receivedAt.getTime()).toBeLessThan(device?.createdAt.getTime() ?? 0)
      expect((await scoped.messages.list(Pump)).items).toEqual(items)
      expect(await scoped.messages.get(items[0] as MessageRef)).toEqual(items[0])
      const { items: samples } = await scoped.readings.list(Pump)
      expect(samples.map(({ readings }) => readings)).toEqual([{ level: 5, note: null }])
      expect(await scoped.readings.get(Pump, samples[0]?.id ?? '')).toEqual(samples[0])
      expect(await scoped.readings.latestSample(Pump, 'new-1')).toEqual(samples[0])
    } finally {
      await hub.close({ timeout: '1s' })
      await cleanup()
    }
  })

  test('every function of a scoped hub is among those that were tried, and there is nothing else', async () => {
    await using at = await world()
    const { type } = at.foreign
    const twin = at.customer.twin(type)
    const found = functionsOf({ ...at.customer, twin: undefined, types: undefined }, '')
    expect([...found, ...functionsOf(twin, 'twin.')].sort()).toEqual(Object.keys(ATTACKS).sort())
    expect(Object.keys(at.customer).sort()).toEqual([
      'commands',
      'devices',
      'messages',
      'readings',
      'scoped',
      'twin',
      'typeOptions',
      'types',
    ])
    expect(Object.getPrototypeOf(at.customer)).toBe(Object.prototype)
    expect(at.customer.types.map(({ name }) => name)).toEqual(['pump'])
    for (const part of ['storage', 'publish', 'consume', 'signals', 'ingest', 'registry', 'credentials'])
      expect(part in at.customer).toBe(false)
  })
}

function functionsOf(of: object, prefix: string): string[] {
  return Object.entries(of).flatMap(([name, value]) => {
    if (typeof value === 'function') return [`${prefix}${name}`]
    return typeof value === 'object' && value !== null ? functionsOf(value, `${prefix}${name}.`) : []
  })
}

/** As a text, without what is of the target itself. */
async function outcomeOf({ customer }: World, attack: Attack, target: Target): Promise<string> {
  let outcome: unknown
  try {
    outcome = await attack(customer, target)
  } catch (error) {
    if (!isDeviceHubError(error)) throw error
    const { code, message, details } = error
    outcome = { code, message, details, cause: String(error.cause) }
  }
  const known: Readonly<Record<string, string>> = {
    [target.deviceId]: '<device>',
    [target.commandId]: '<command>',
    [target.batch]: '<batch>',
    [target.type.name]: '<type>',
    [`"${target.message.id}"`]: '<message>',
    [`message ${target.message.id} `]: '<message>',
    [target.label]: '<label>',
    [`"${target.sampleId}"`]: '<sample>',
  }
  let text = JSON.stringify(outcome, plain) ?? 'undefined'
  for (const [value, name] of Object.entries(known)) text = text.replaceAll(value, name)
  // A bulk has a new id each time.
  return text.replaceAll(/"batch":"[0-9a-f-]{36}"/g, '"batch":"<new>"')
}

const plain = (_key: string, value: unknown) => {
  if (value instanceof Map) return [...value]
  return typeof value === 'function' ? '<function>' : value
}

const onDatabase = (db: Kysely<unknown>, drop: () => Promise<void>): Opened => ({
  adapter: kyselyStorage({ db, closeDb: true }),
  cleanup: drop,
})

describe('a scope in memory', () =>
  scopes(async () => ({ adapter: memoryStorage(), cleanup: async () => {} })))

describeWith(['sqlite'], 'a scope on SQLite', () =>
  scopes(async () =>
    onDatabase(new Kysely({ dialect: sqliteDialect({ file: ':memory:' }) }), async () => {}),
  ),
)

// Nothing here outlives its test: durability would only cost time.
describeWith({ postgres: { settings: { fsync: 'off' } } }, 'a scope on PostgreSQL', ({ postgres }) =>
  scopes(async () => {
    const { url, drop } = await postgres().createDatabase()
    const pool = new pg.Pool({ connectionString: url, max: 8 })
    return onDatabase(new Kysely({ dialect: new PostgresDialect({ pool }) }), drop)
  }),
)

describeWith(
  { mariadb: { settings: { innodb_flush_log_at_trx_commit: 0 } } },
  'a scope on MariaDB',
  ({ mariadb }) =>
    scopes(async () => {
      const { url, drop } = await mariadb().createDatabase()
      return onDatabase(new Kysely({ dialect: new MysqlDialect({ pool: mysql.createPool(url) }) }), drop)
    }),
)
