import { describe, expect, test } from 'vitest'
import { createDeviceHub, type DeviceQuery, defineDeviceType, reading, state } from '../index.js'

const Pump = defineDeviceType('pump', {
  readings: { pressure: reading.float(), shared: reading.float() },
  state: { mode: state.enum(['eco', 'full'], { default: 'eco' }), essay: state.string({ maxLength: 1_000 }) },
})
const Valve = defineDeviceType('valve', {
  readings: { angle: reading.integer(), shared: reading.string() },
  state: { mode: state.enum(['eco', 'full'], { default: 'full' }) },
})

async function fleet(count = 12) {
  const hub = createDeviceHub({ types: [Pump, Valve] })
  await hub.storage.migrate()
  for (let index = 0; index < count; index++)
    await hub.devices.create(index % 3 === 0 ? Valve : Pump, {
      deviceId: `d${index % 5}-${index}`,
      labels: { site: index % 2 === 0 ? 'north' : 'south', ...(index < 3 ? { old: 'yes' } : {}) },
      state: { mode: index % 4 === 0 ? 'eco' : 'full' },
    })
  return hub
}
type Hub = Awaited<ReturnType<typeof fleet>>

async function allOf(hub: Hub, query: DeviceQuery) {
  const ids: string[] = []
  let cursor: string | null | undefined
  do {
    const page = await hub.devices.listAll({ ...query, cursor: cursor ?? undefined })
    ids.push(...page.items.map(({ type, deviceId }) => `${type.key}/${deviceId}`))
    cursor = page.cursor
  } while (cursor !== null)
  return ids
}

describe('devices of all types', () => {
  test('are one list in one order, in pages of any size', async () => {
    const hub = await fleet()
    for (const sort of [
      'deviceId',
      '-deviceId',
      'label.site',
      '-label.old',
      'state.mode',
      '-createdAt',
    ] as const) {
      const whole = await allOf(hub, { sort, limit: 100 })
      expect(new Set(whole).size).toBe(12)
      for (const limit of [1, 2, 5]) expect(await allOf(hub, { sort, limit }), sort).toEqual(whole)
    }
    const ids = (await allOf(hub, { sort: 'deviceId', limit: 3 })).map((id) => id.split('/')[1])
    expect(ids).toEqual([...ids].sort())
  })

  test('of the same id in two types come one after the other, and both', async () => {
    const hub = createDeviceHub({ types: [Pump, Valve] })
    for (const deviceId of ['a', 'b', 'c'])
      for (const type of [Pump, Valve]) await hub.devices.create(type, { deviceId, name: 'same' })
    for (const sort of ['name', '-name'] as const) {
      const whole = await allOf(hub, { sort, limit: 100 })
      expect(whole).toHaveLength(6)
      for (const limit of [1, 2, 3, 4, 5]) expect(await allOf(hub, { sort, limit })).toEqual(whole)
    }
  })

  test('are chosen by type, by label, and counted', async () => {
    const hub = await fleet()
    expect(await allOf(hub, { type: 'valve', limit: 2 })).toHaveLength(4)
    expect(await allOf(hub, { type: ['valve', 'pump'] })).toHaveLength(12)
    expect(await allOf(hub, { type: { ne: 'valve' }, labels: { site: 'north' } })).toHaveLength(4)
    expect(await hub.devices.countAll()).toEqual({ count: 12, isExact: true })
    expect(await hub.devices.countAll({ labels: { old: null } })).toEqual({ count: 9, isExact: true })
    expect(await hub.devices.countAll({ max: 5 })).toEqual({ count: 5, isExact: false })
    expect(await hub.devices.count(Pump, { max: 8 })).toEqual({ count: 8, isExact: true })
  })
})

describe('a cursor', () => {
  test('belongs to its query: to its selector, its order, its types', async () => {
    const hub = await fleet()
    const query: DeviceQuery = { labels: { site: 'north' }, status: 'offline', sort: 'name', limit: 2 }
    const { cursor } = await hub.devices.listAll(query)
    if (cursor === null) throw new Error('one page')
    const others: DeviceQuery[] = [
      { ...query, labels: { site: 'south' } },
      { ...query, labels: {} },
      { ...query, status: ['offline', 'online'] },
      { ...query, sort: '-name' },
      { ...query, type: 'pump' },
    ]
    for (const other of others)
      await expect(hub.devices.listAll({ ...other, cursor })).rejects.toMatchObject({ code: 'invalid_query' })
    await expect(hub.devices.list(Pump, { ...query, cursor } as never)).rejects.toMatchObject({
      code: 'invalid_query',
    })
    // Another size of page, or the same keys in another order, is the same query.
    const same = { limit: 5, status: 'offline', labels: { site: 'north' }, sort: 'name', cursor } as const
    expect((await hub.devices.listAll(same)).items).toHaveLength(4)
  })

  test('of a query relative to now goes on a moment later', async () => {
    let now = 1_700_000_000_000
    const hub = createDeviceHub({ types: [Pump], clock: { now: () => now } })
    for (const deviceId of ['a', 'b', 'c']) await hub.devices.create(Pump, { deviceId })
    const query = { createdAt: { gte: 'now-1h' }, limit: 2 } as const
    const first = await hub.devices.list(Pump, query)
    now += 5_000
    const second = await hub.devices.list(Pump, { ...query, cursor: first.cursor ?? undefined })
    expect([...first.items, ...second.items].map(({ deviceId }) => deviceId)).toEqual(['c', 'b', 'a'])
  })

  test('that nobody gave out is refused', async () => {
    const hub = await fleet(1)
    const forged = Buffer.from('[1,{"a":1},"d","pump"]').toString('base64url')
    for (const cursor of ['nonsense', '{}', forged, 'devices.5.d0', "' or 1=1"])
      await expect(hub.devices.list(Pump, { cursor })).rejects.toMatchObject({ code: 'invalid_query' })
  })
})

describe('an order', () => {
  test.each([
    ['nmae', /sort is nothing that devices have; did you mean name\?/],
    ['state.mod', /did you mean mode\?/],
    ['state.essay', /without an order, or texts of more than 255/],
    ['reading.shared', /of different kinds in these types/],
    ['label.', /a label's key/],
    ['name;drop table', /nothing that devices have/],
  ])('%s is refused', async (sort, message) => {
    const hub = await fleet(1)
    const list = hub.devices.listAll({ sort: sort as 'name' })
    await expect(list).rejects.toMatchObject({ code: 'invalid_query' })
    await expect(list).rejects.toThrow(message)
  })
})

describe('a fleet as a whole', () => {
  test('in figures', async () => {
    const hub = await fleet()
    await hub.devices.markOnline(Pump, 'd1-1')
    await hub.devices.deactivate(Pump, 'd2-2')
    expect(await hub.devices.overview(Pump, { byLabels: ['site', 'old'] })).toEqual({
      total: 8,
      byStatus: { offline: 7, online: 1 },
      inactive: 1,
      silent: 0,
      neverSeen: 6,
      lowBattery: 0,
      byLabel: {
        site: {
          values: [
            { value: 'north', count: 4 },
            { value: 'south', count: 4 },
          ],
          others: 0,
          without: 0,
        },
        old: { values: [{ value: 'yes', count: 2 }], others: 0, without: 6 },
      },
    })
    const narrowed = await hub.devices.overview(Pump, { labels: { old: 'yes' }, silentAfter: '0s' })
    expect(narrowed).toMatchObject({ total: 2, byStatus: { offline: 1, online: 1 } })
  })

  test('is changed by a selector or by ids', async () => {
    const hub = await fleet()
    const filter = { labels: { site: 'north' } } as const
    expect(await hub.devices.updateMany(Pump, { filter }, { labels: { site: 'n1', old: null } })).toEqual({
      changed: 4,
      missing: [],
    })
    expect(await hub.devices.count(Pump, filter)).toEqual({ count: 0, isExact: true })
    expect(await hub.devices.count(Pump, { labels: { site: 'n1', old: null } })).toMatchObject({ count: 4 })
    const some = { deviceIds: ['d1-1', 'nobody', 'd1-1'] }
    expect(await hub.devices.updateMany(Pump, some, { isActive: false })).toEqual({
      changed: 1,
      missing: ['nobody'],
    })
    expect(await hub.devices.get(Pump, 'd1-1')).toMatchObject({ isActive: false })
  })

  test('is not changed by what one device alone can have', async () => {
    const hub = await fleet(1)
    for (const change of [{ status: 'online' }, { state: { mode: 'eco' } }, { labels: { 'a b': 'x' } }])
      await expect(hub.devices.updateMany(Pump, { filter: {} }, change as never)).rejects.toMatchObject({
        code: 'invalid_payload',
      })
    await expect(hub.devices.updateMany(Pump, {} as never, {})).rejects.toMatchObject({
      code: 'invalid_options',
    })
  })
})

describe('the desired state of many', () => {
  test('is set by a selector or by ids; each of the others says why not', async () => {
    const hub = await fleet()
    await hub.devices.deactivate(Pump, 'd1-1')
    const twins = hub.twin(Pump)
    const target = { deviceIds: ['d1-1', 'd2-2', 'nobody', 'not/an id', 'd2-2'] }
    const done = await twins.setDesiredMany(target, { mode: 'full' })
    expect(done).toEqual({
      set: 1,
      missing: expect.arrayContaining(['nobody', 'not/an id']),
      inactive: ['d1-1'],
    })
    expect(await twins.get('d2-2')).toMatchObject({ desired: { mode: 'full' }, version: 1 })
    const filter = { labels: { site: 'south' }, isActive: true } as const
    expect(await twins.setDesiredMany({ filter }, { mode: 'eco' })).toMatchObject({ set: 3, inactive: [] })
    expect(await hub.devices.count(Pump, { inSync: false })).toMatchObject({ count: 3 })
  })

  test('is refused as a whole when the patch fits no device', async () => {
    const hub = await fleet(3)
    const patch = { mode: 'none' } as never
    await expect(hub.twin(Pump).setDesiredMany({ filter: {} }, patch)).rejects.toMatchObject({
      code: 'invalid_payload',
    })
    await expect(hub.twin(Pump).setDesiredMany('d2-2' as never, {})).rejects.toMatchObject({
      code: 'invalid_options',
    })
  })
})
