import { DeviceHubError } from '@devicehub/core'
import type { LeaseStore } from '@devicehub/core/storage'
import { waitUntil } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { startFakeBroker } from '../testing/fake-broker.js'
import { createHeldHub } from '../testing/held-hub.js'
import { brief, logOf, slots, slotWorld } from '../testing/slot-world.js'

describe('a slot', () => {
  test('gives the client id and the shared group; what comes by it carries its fence', async () => {
    await using at = await slotWorld()
    const one = at.process()
    one.listener.handle('other/topic', () => {
      throw new Error('no')
    })
    await one.listener.start()
    expect(one.slot()).toEqual({ group: 'ingest', number: 1, state: 'held', epoch: 1 })
    expect(one.listener.stats().state).toBe('connected')
    const connection = await at.broker.subscribed('ingest-1')
    expect(connection.subscriptions[0]?.topic).toBe('$share/ingest/things/station/+/data')
    connection.deliver({ messageId: 1 })
    await waitUntil('the message', () => one.hub.held.received.length === 1)
    const fence = { name: `slot/${new URL(at.broker.url).host}/ingest/1`, epoch: 1 }
    expect(one.hub.held.received[0]?.message.fence).toEqual(fence)
    const ids = at.broker.all.map(({ clientId }) => clientId)
    expect(ids).toEqual(expect.arrayContaining([expect.stringMatching(/^ingest-pub-.{8}$/)]))
    const handlerId = ids.find((id) => /^ingest-1-[0-9a-f]{8}$/.test(id)) as string
    const handling = await at.broker.subscribed(handlerId)
    handling.deliver({ topic: 'other/topic', messageId: 1 })
    await waitUntil('the quarantine', () => one.hub.quarantined.length === 1)
    expect(one.hub.quarantined[0]?.message.fence).toEqual(fence)
  })

  test('is noted as unsure before the connection and as open when subscribed', async () => {
    const seen: (string | null | undefined)[] = []
    let note: () => Promise<string | null | undefined> = async () => null
    await using at = await slotWorld(
      {},
      {
        onConnect(packet) {
          if (packet.clientId === 'ingest-1') void note().then((text) => seen.push(text))
          return undefined
        },
      },
    )
    note = () => at.note(1)
    const one = at.process()
    await one.listener.start()
    expect(seen).toEqual(['unsure'])
    expect(await at.note(1)).toBe('open')
  })

  test('a handler added later runs under it, and its removal ends its session', async () => {
    await using at = await slotWorld()
    const one = at.process()
    await one.listener.start()
    const heard: string[] = []
    const forget = one.listener.handle('late/topic', ({ topic }) => void heard.push(topic), { name: 'late' })
    await forget.ready
    const connection = await at.broker.subscribed('ingest-1-late')
    connection.deliver({ topic: 'late/topic', messageId: 1 })
    await waitUntil('the message', () => heard.length === 1)
    await forget()
    expect(connection.of('unsubscribe')).toHaveLength(1)
    expect(() => one.listener.handle('late/topic', () => {}, { name: '2' })).toThrow(/number of a slot/)
  })
})

describe('standing by', () => {
  test('a process too many reports standby, publishes, and takes a released slot', async () => {
    await using at = await slotWorld({ slots: { ...brief, max: 1 } })
    const [one, two] = [at.process(), at.process()]
    await one.listener.start()
    await two.listener.start()
    expect(two.slot()).toEqual({ group: 'ingest', number: null, state: 'standby', epoch: null })
    expect(two.listener.stats().state).toBe('standby')
    await waitUntil('a few looks', () => two.leases.calls.length >= 6)
    expect(logOf(two.hub, /the only slot of group ingest is held by other processes/)).toHaveLength(1)
    await two.listener.publish({ topic: 'a', payload: 'b' })
    expect(two.listener.stats()).toMatchObject({ published: 1, slotsTaken: 0 })
    await one.listener.stop()
    await at.broker.subscribed('ingest-1', 2)
    await waitUntil('the slot', () => two.listener.stats().state === 'connected')
    expect(two.slot()).toMatchObject({ number: 1, state: 'held', epoch: 2 })
    expect(two.listener.stats().slotsTaken).toBe(1)
  })

  test('invariant 9: stopping leaves nothing behind, and one that stands by stops at once', async () => {
    await using at = await slotWorld({ slots: { ...slots, max: 1 } })
    const before = process.getActiveResourcesInfo().length
    const [one, two] = [at.process(), at.process()]
    await one.listener.start()
    await two.listener.start()
    await two.listener.stop()
    expect(two.listener.stats().state).toBe('idle')
    expect(two.hub.attached).toEqual([])
    await one.listener.stop()
    await waitUntil('everything to be closed', () => process.getActiveResourcesInfo().length <= before)
  })
})

describe('starting', () => {
  test('without the database: gives up after connectTimeout, and can be started again', async () => {
    await using at = await slotWorld({ connectTimeout: '300ms' })
    const one = at.process()
    one.leases.fault = 'rejects'
    await expect(one.listener.start()).rejects.toMatchObject({
      code: 'storage_unavailable',
      message: expect.stringMatching(/within 300 ms: the database is away/),
    })
    expect(one.hub.attached).toEqual([])
    one.leases.fault = 'none'
    await waitUntil('a start', () => one.listener.start().then(() => true))
  })

  test('fails at once when the database lacks what it needs', async () => {
    await using at = await slotWorld()
    const outdated = async () => {
      throw new DeviceHubError('schema_outdated', 'call hub.storage.migrate()')
    }
    const leases: LeaseStore = { find: outdated, acquire: outdated, renew: outdated, release: outdated }
    const listener = createMqttListener(createHeldHub({ leases }), { url: at.broker.url, slots })
    await expect(listener.start()).rejects.toMatchObject({ code: 'schema_outdated' })
  })

  test('without the broker: the slot is given back', async () => {
    await using at = await slotWorld({ connectTimeout: '300ms' })
    const one = at.process({ url: 'mqtt://127.0.0.1:1', slots: { ...slots, broker: 'b' } })
    await expect(one.listener.start()).rejects.toMatchObject({ code: 'transport_unavailable' })
    expect(await at.database.find(['slot/b/ingest/1'])).toMatchObject([{ holder: null, note: 'unsure' }])
  })
})

describe('groups', () => {
  test('of one name on two brokers are two groups; one broker under two addresses takes a name', async () => {
    await using at = await slotWorld({ slots: { ...slots, max: 1 } })
    await using other = await startFakeBroker()
    const [one, two] = [at.process(), at.process({ url: other.url })]
    await one.listener.start()
    await two.listener.start()
    expect([one.slot()?.number, two.slot()?.number]).toEqual([1, 1])
    const named = { slots: { ...slots, max: 1, broker: 'plant' } }
    const [three, four] = [at.process(named), at.process({ url: other.url, ...named })]
    await three.listener.start()
    await four.listener.start()
    expect([three.slot()?.state, four.slot()?.state]).toEqual(['held', 'standby'])
  })

  test('a session that a former holder left and the broker has forgotten is counted and logged', async () => {
    await using at = await slotWorld({}, { onConnect: () => ({ sessionPresent: false }) })
    const one = at.process()
    await one.listener.start()
    await one.listener.stop()
    const two = at.process()
    await two.listener.start()
    expect(two.listener.stats()).toMatchObject({ slotsTaken: 1, sessionsLost: 1 })
    expect(one.listener.stats().sessionsLost).toBe(0)
  })

  test('adopting a member by hand is refused, another client id is not', async () => {
    await using at = await slotWorld()
    const one = at.process()
    await one.listener.start()
    for (const id of ['ingest-1', 'ingest-2', 'ingest-2-alarms'])
      await expect(one.listener.endSessionsOf(id)).rejects.toMatchObject({ code: 'invalid_options' })
    expect(await one.listener.endSessionsOf('hub-1')).toEqual({ sessions: 0, messages: 0 })
  })

  test('several brokers: each has its slot; the state is that of the one that is worst off', async () => {
    await using at = await slotWorld()
    await using other = await startFakeBroker()
    const brokers = { default: { url: at.broker.url }, sea: { url: other.url, slots: { ...slots, max: 1 } } }
    const hubs = [1, 2].map(() => createHeldHub({ leases: at.database }))
    const [one, two] = hubs.map((hub) => createMqttListener(hub, { slots, brokers }))
    await using first = one as NonNullable<typeof one>
    await using second = two as NonNullable<typeof two>
    await first.start()
    await second.start()
    expect(first.stats()).toMatchObject({ state: 'connected', slot: { number: 1 } })
    expect(second.stats()).toMatchObject({
      state: 'standby',
      slot: { number: 2 },
      brokers: { default: { slot: { number: 2 } }, sea: { slot: { state: 'standby' } } },
    })
  })
})
