import { describe, expect, test } from 'vitest'
import {
  away,
  contentOf,
  online,
  Station,
  send,
  until,
  type World,
  world,
} from '../commands/testing/command-world.js'
import { memoryStorage } from '../index.js'

const desiredOf = ({ published }: World) => published.filter(({ topic }) => topic.endsWith('/desired'))

describe('desired state', () => {
  test('is published retained, with its version, and told apart from what was reported', async () => {
    const of = world()
    const twins = of.hub.twin(Station)
    await of.hub.devices.create(Station, { deviceId: 'a' })
    expect(await twins.get('a')).toMatchObject({
      version: 0,
      desired: {},
      delta: {},
      reported: { mode: 'continuous' },
    })
    const since = new Date('2026-01-05T00:00:00Z')
    const twin = await twins.setDesired('a', { mode: 'burst', since, key: Uint8Array.of(1, 2) })
    expect(twin).toMatchObject({ version: 1, reportedVersion: null, desired: { mode: 'burst', since } })
    expect(twin.delta).toEqual({ mode: 'burst', since, key: Uint8Array.of(1, 2) })
    expect(twin.desiredAt.mode).toBeInstanceOf(Date)
    await until('the publication', () => desiredOf(of).length === 1)
    expect(desiredOf(of)[0]).toMatchObject({ topic: 'things/station/a/desired', retain: true, qos: 1 })
    expect(contentOf(desiredOf(of)[0] as never)).toEqual({
      desired: { mode: 'burst', since: since.toISOString(), key: 'AQI=' },
      version: 1,
    })
    await until('the note', async () => (await twins.get('a'))?.publishedVersion === 1)
    const [row] = (await of.hub.messages.list(Station, { channel: 'desired' })).items
    expect(row).toMatchObject({ direction: 'out', deviceId: 'a', retained: true })
  })

  test('a patch changes what it names, and null takes a field away', async () => {
    const of = world()
    const twins = of.hub.twin(Station)
    await of.hub.devices.create(Station, { deviceId: 'a' })
    await twins.setDesired('a', { mode: 'burst', interval: 5 })
    const twin = await twins.setDesired('a', { mode: null })
    expect(twin).toMatchObject({ version: 2, desired: { interval: 5 } })
    expect(Object.keys(twin.desired)).toEqual(['interval'])
    await until('the newest', () => desiredOf(of).some((one) => contentOf(one).version === 2))
    expect(contentOf(desiredOf(of).at(-1) as never)).toEqual({ desired: { interval: 5 }, version: 2 })
  })

  test('of two writers with one ifVersion exactly one wins', async () => {
    const storage = memoryStorage()
    const [one, two] = [world(storage), world(storage)]
    await one.hub.devices.create(Station, { deviceId: 'a' })
    for (let version = 0; version < 5; version++) {
      const tries = await Promise.allSettled(
        [one, two].map(({ hub }, n) =>
          hub.twin(Station).setDesired('a', { interval: n + 1 }, { ifVersion: version }),
        ),
      )
      expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(tries.find(({ status }) => status === 'rejected')).toMatchObject({
        reason: { code: 'version_conflict', details: { version: version + 1 } },
      })
    }
  })

  test('what is set while the broker is away goes out once, the newest', async () => {
    const of = world()
    await of.hub.devices.create(Station, { deviceId: 'a' })
    of.onPublish = away
    for (const interval of [1, 2, 3, 4, 5]) await of.hub.twin(Station).setDesired('a', { interval })
    await new Promise((resolve) => setTimeout(resolve, 50))
    of.onPublish = () => {}
    await until('the publication', () => desiredOf(of).length > 0)
    expect(desiredOf(of).map((one) => contentOf(one))).toEqual([{ desired: { interval: 5 }, version: 5 }])
  })

  test('what is set while an older version is being published goes out behind it', async () => {
    const of = world()
    await of.hub.devices.create(Station, { deviceId: 'a' })
    let begun = 0
    let release = () => {}
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    of.onPublish = () => {
      begun++
      return begun === 1 ? held : undefined
    }
    await of.hub.twin(Station).setDesired('a', { interval: 1 })
    await until('the first', () => begun === 1)
    await of.hub.twin(Station).setDesired('a', { interval: 2 })
    await new Promise((resolve) => setTimeout(resolve, 60))
    expect(begun).toBe(1)
    release()
    await until('the second', () => desiredOf(of).length === 2)
    expect(desiredOf(of).map((one) => contentOf(one).version)).toEqual([1, 2])
  })

  test('of a deleted device is taken from the broker, and a device of the same id goes on above', async () => {
    const of = world()
    const twins = of.hub.twin(Station)
    await of.hub.devices.create(Station, { deviceId: 'a' })
    await twins.setDesired('a', { interval: 1 })
    await until('the publication', async () => (await twins.get('a'))?.publishedVersion === 1)
    await of.hub.devices.delete(Station, 'a')
    await of.hub
      .twin(Station)
      .setDesired('a', {})
      .catch(() => {})
    await until('the empty one', () => desiredOf(of).length === 2)
    expect(desiredOf(of)[1]).toMatchObject({ retain: true, payload: new Uint8Array() })
    await of.hub.devices.create(Station, { deviceId: 'a' })
    expect((await twins.get('a'))?.desired).toEqual({})
    expect((await twins.setDesired('a', { interval: 2 })).version).toBeGreaterThan(1)
  })

  test.each([
    ['an unknown field', 'invalid_payload', ['a', { colour: 'red' }]],
    ['a name of every object', 'invalid_payload', ['a', { constructor: 1 }]],
    ['a value that is no member', 'invalid_payload', ['a', { mode: 'off' }]],
    ['a number out of range', 'invalid_payload', ['a', { interval: 0 }]],
    ['an unknown device', 'device_not_found', ['nobody', { interval: 1 }]],
    ['an inactive device', 'device_inactive', ['idle', { interval: 1 }]],
    ['an ill-formed id', 'invalid_device_id', ['a/#', { interval: 1 }]],
    ['half a version', 'invalid_options', ['a', { interval: 1 }, { ifVersion: 0.5 }]],
  ])('%s: %s, and nothing changes', async (_, code, args) => {
    const of = world()
    await of.hub.devices.create(Station, { deviceId: 'a' })
    await of.hub.devices.create(Station, { deviceId: 'idle', isActive: false })
    const untyped = of.hub.twin(Station).setDesired as (...args: unknown[]) => Promise<unknown>
    await expect(untyped(...args)).rejects.toMatchObject({ code })
    expect(await of.hub.twin(Station).get('a')).toMatchObject({ version: 0, desired: {} })
    expect(of.published).toEqual([])
  })
})

describe('reported state', () => {
  const reported = async (of: World) => (await of.hub.twin(Station).get('a'))?.reported
  const named = (of: World, name: string) =>
    of.announced.filter((one) => one.name === name).map(({ event }) => event)

  test('is kept in the typed columns and told once it is news', async () => {
    const of = world()
    await online(of, 'a')
    await of.hub.twin(Station).setDesired('a', { mode: 'burst', interval: 5 })
    await send(of, 'a', 'state', { reported: { mode: 'burst', interval: 7 }, version: 1 })
    expect((await of.hub.devices.get(Station, 'a'))?.state).toMatchObject({ mode: 'burst', interval: 7 })
    expect(await of.hub.twin(Station).get('a')).toMatchObject({
      version: 1,
      reportedVersion: 1,
      reported: { mode: 'burst', interval: 7 },
      delta: { interval: 5 },
      reportedAt: { mode: expect.any(Date), interval: expect.any(Date) },
    })
    const base = { type: Station, version: 1, reportedVersion: 1 }
    expect(named(of, 'deviceStateReported')).toMatchObject([
      {
        ...base,
        device: { deviceId: 'a', state: { mode: 'burst' } },
        reported: { mode: 'burst', interval: 7 },
      },
    ])
    expect(named(of, 'deviceStateDiverged')).toMatchObject([{ ...base, delta: { interval: 5 } }])
    await send(of, 'a', 'state', { reported: { interval: 5 }, version: 1 })
    expect((await of.hub.twin(Station).get('a'))?.delta).toEqual({})
    expect(named(of, 'deviceStateDiverged')).toHaveLength(1)
  })

  test('of a device that has not seen the newest version does not count as diverged', async () => {
    const of = world()
    await online(of, 'a')
    await of.hub.twin(Station).setDesired('a', { interval: 5 })
    await of.hub.twin(Station).setDesired('a', { interval: 6 })
    await send(of, 'a', 'state', { reported: { interval: 5 }, version: 1 })
    expect(named(of, 'deviceStateDiverged')).toEqual([])
  })

  test('invariant 4: a late report changes nothing, field by field', async () => {
    const of = world()
    await online(of, 'a')
    const at = (seconds: number) => new Date(Date.now() - 60_000 + seconds * 1000).toISOString()
    await send(of, 'a', 'state', { reported: { interval: 2 }, timestamp: at(2) })
    await send(of, 'a', 'state', { reported: { mode: 'burst', interval: 1 }, timestamp: at(1) })
    expect(await reported(of)).toMatchObject({ mode: 'burst', interval: 2 })
    const late = await send(of, 'a', 'state', { reported: { interval: 9 }, timestamp: at(0) })
    expect(late).toMatchObject({ status: 'stored' })
    expect(await reported(of)).toMatchObject({ interval: 2 })
    const [row] = (await of.hub.messages.list(Station, { channel: 'state' })).items
    expect(row).toMatchObject({ status: 'processed', flags: 'stale_report' })
    expect(named(of, 'deviceStateReported')).toHaveLength(2)
  })

  test('under an older version changes nothing, whatever its time', async () => {
    const of = world()
    await online(of, 'a')
    await send(of, 'a', 'state', { reported: { interval: 2 }, version: 2 })
    await send(of, 'a', 'state', { reported: { interval: 1 }, version: 1 })
    expect(await of.hub.twin(Station).get('a')).toMatchObject({
      reported: { interval: 2 },
      reportedVersion: 2,
    })
  })

  test('null removes, versions of a restored database go on above what the device has', async () => {
    const of = world()
    await online(of, 'a')
    await send(of, 'a', 'state', { reported: { interval: 2 }, version: 41 })
    await send(of, 'a', 'state', { reported: { interval: null }, version: 41 })
    expect(await reported(of)).toMatchObject({ interval: null })
    expect((await of.hub.twin(Station).setDesired('a', { interval: 3 })).version).toBe(42)
  })

  test.each([
    ['no object', [1, 2], 'invalid_shape'],
    ['no reported', { version: 1 }, 'invalid_shape'],
    ['only values that do not fit', { reported: { interval: 'x' } }, 'invalid_type'],
    ['null for what must have a value', { reported: { mode: null } }, 'invalid_type'],
  ])('of %s is rejected', async (_, value, code) => {
    const of = world()
    await online(of, 'a')
    expect(await send(of, 'a', 'state', value)).toMatchObject({ status: 'rejected', code })
  })

  test('what fits is taken when the rest does not, and said so', async () => {
    const of = world(undefined, { unknownField: 'flag' })
    await online(of, 'a')
    await send(of, 'a', 'state', {
      reported: { interval: 5000, since: 'x', colour: 1 },
      version: -1,
      timestamp: 'now',
    })
    expect(await reported(of)).toMatchObject({ interval: 5000, since: null })
    const [row] = (await of.hub.messages.list(Station, { channel: 'state' })).items
    expect(row).toMatchObject({
      status: 'processed',
      code: 'partially_rejected',
      reason: expect.stringContaining('since'),
    })
    expect(row?.flags?.split(' ').sort()).toEqual([
      'bad_timestamp',
      'bad_version',
      'out_of_range:interval',
      'partial',
      'unknown_field',
    ])
  })
})
