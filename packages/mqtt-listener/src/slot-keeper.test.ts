import { DeviceHubError, type LeaseStore } from '@devicehub/core'
import type { FakeBrokerOptions } from '@devicehub/test-kit'
import { waitUntil } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { createMqttListener, type MqttListenerOptions } from './index.js'
import { breakableLeases, createLeases } from './testing/breakable-leases.js'
import { startFakeBroker } from './testing/fake-broker.js'
import { createHeldHub } from './testing/held-hub.js'

const slots = { group: 'ingest', max: 2, lease: 1 }

/** Processes of one configuration at a fake broker, each with its own way to one database. */
async function world(options: MqttListenerOptions = {}, brokerOptions: FakeBrokerOptions = {}) {
  const broker = await startFakeBroker(brokerOptions)
  const database = createLeases()
  const started: ReturnType<typeof createMqttListener>[] = []

  function process(more: MqttListenerOptions = {}) {
    const leases = breakableLeases(database)
    const hub = createHeldHub({ leases })
    const listener = createMqttListener(hub, {
      url: broker.url,
      slots,
      reconnect: { min: 20, max: 100 },
      drainTimeout: 200,
      quietPeriod: 50,
      ...options,
      ...more,
    })
    started.push(listener)
    return { leases, hub, listener, slot: () => listener.stats().slot }
  }

  return {
    broker,
    database,
    process,
    /** As a process that held the slot, subscribed, and is gone. */
    async orphan(slot: number) {
      const lease = await database.claim(`slot/${new URL(broker.url).host}/ingest/${slot}`, 'gone', 1_000)
      if (lease === null) throw new Error('it is held')
      await database.renew(lease, 1_000, 'open')
      await database.release(lease)
    },
    note: async (slot: number, group = 'ingest') =>
      (await database.find([`slot/${new URL(broker.url).host}/${group}/${slot}`]))[0]?.note,
    async [Symbol.asyncDispose]() {
      await Promise.all(started.map((listener) => listener.stop().catch(() => {})))
      await broker[Symbol.asyncDispose]()
    },
  }
}

const connects = (at: Awaited<ReturnType<typeof world>>, clientId: string) =>
  at.broker.all.filter((each) => each.clientId === clientId).length

const logOf = (hub: ReturnType<typeof createHeldHub>, text: RegExp) =>
  hub.log.filter(({ message }) => text.test(message ?? ''))

describe('a slot', () => {
  test('gives the client id and the shared group; what comes by it carries its fence', async () => {
    await using at = await world()
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
    await using at = await world(
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
    await using at = await world()
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
  test('a process too many says so, publishes, and takes the slot that is given back', async () => {
    await using at = await world({ slots: { ...slots, max: 1 } })
    const [one, two] = [at.process(), at.process()]
    await one.listener.start()
    await two.listener.start()
    expect(two.slot()).toEqual({ group: 'ingest', number: null, state: 'standby', epoch: null })
    expect(two.listener.stats().state).toBe('standby')
    await waitUntil('a few looks', () => two.leases.calls.length >= 6)
    expect(logOf(two.hub, /the only slot of group ingest is held; this process stands by/)).toHaveLength(1)
    await two.listener.publish({ topic: 'a', payload: 'b' })
    expect(two.listener.stats()).toMatchObject({ published: 1, slotsTaken: 0 })
    await one.listener.stop()
    await at.broker.subscribed('ingest-1', 2)
    await waitUntil('the slot', () => two.listener.stats().state === 'connected')
    expect(two.slot()).toMatchObject({ number: 1, state: 'held', epoch: 2 })
    expect(two.listener.stats().slotsTaken).toBe(1)
  })

  test('invariant 9: stopping while it stands by gives up at once', async () => {
    await using at = await world({ slots: { group: 'ingest', max: 1, lease: 600 } })
    const [one, two] = [at.process(), at.process()]
    await one.listener.start()
    await two.listener.start()
    await two.listener.stop()
    expect(two.listener.stats().state).toBe('idle')
    expect(two.hub.attached).toEqual([])
  })
})

describe('losing a slot', () => {
  test('invariant 1: the connection is cut, nothing is acknowledged any more, no other is made under its id', async () => {
    await using at = await world({ slots: { ...slots, max: 1 } })
    const one = at.process()
    await one.listener.start()
    const connection = await at.broker.subscribed('ingest-1')
    connection.deliver({ messageId: 1, payload: 'committed late' })
    await waitUntil('the message', () => one.hub.held.received.length === 1)
    one.leases.fault = 'rejects'
    await connection.closed
    one.hub.held.settle()
    await waitUntil('claims that fail', () => logOf(one.hub, /cannot claim a slot/).length >= 3)
    expect(connection.pubacks).toEqual([])
    expect(connection.of('disconnect')).toEqual([])
    expect(connects(at, 'ingest-1')).toBe(1)
    expect(one.listener.stats()).toMatchObject({
      slotsLost: 1,
      acknowledged: 0,
      staleAcks: 1,
      state: 'waiting',
    })
    expect(one.slot()).toMatchObject({ state: 'none', number: null })
    // The database is back: nobody took the slot.
    one.leases.fault = 'none'
    await at.broker.subscribed('ingest-1', 2)
    await waitUntil('the slot', () => one.slot()?.epoch === 2 && one.listener.stats().state === 'connected')
  })

  test('also when the database does not answer at all; stop() does not wait for it', async () => {
    await using at = await world({ slots: { ...slots, max: 1 } })
    const one = at.process()
    await one.listener.start()
    const connection = await at.broker.subscribed('ingest-1')
    one.leases.fault = 'hangs'
    await connection.closed
    expect(connection.of('disconnect')).toEqual([])
    await one.listener.stop()
  })

  test('a process that was frozen acknowledges nothing when it goes on', async () => {
    await using at = await world({ slots: { ...slots, max: 1 } })
    const one = at.process()
    await one.listener.start()
    const connection = await at.broker.subscribed('ingest-1')
    connection.deliver({ messageId: 1 })
    await waitUntil('the message', () => one.hub.held.received.length === 1)
    // No timer has run when it settles: what it knows by itself is that its lease cannot hold any more.
    setImmediate(() => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 1_100)
      one.hub.held.settle()
    })
    await connection.closed
    expect(connection.pubacks).toEqual([])
    await waitUntil('the slot again', () => one.slot()?.epoch === 2)
    expect(one.listener.stats()).toMatchObject({ acknowledged: 0, staleAcks: 1, slotsLost: 1 })
  })

  test('no attempt to connect follows it, though one was due', async () => {
    let refusing = false
    await using at = await world(
      { slots: { ...slots, max: 1 } },
      { onConnect: () => (refusing ? { reasonCode: 0x88, returnCode: 3 } : undefined) },
    )
    const one = at.process()
    await one.listener.start()
    refusing = true
    one.leases.fault = 'rejects'
    ;(await at.broker.subscribed('ingest-1')).cut()
    await waitUntil('the loss', () => one.listener.stats().slotsLost === 1)
    const before = connects(at, 'ingest-1')
    expect(before).toBeGreaterThan(1)
    await waitUntil('claims that fail', () => logOf(one.hub, /cannot claim a slot/).length >= 3)
    expect(connects(at, 'ingest-1')).toBe(before)
  })

  test('invariant 1: what was refused at the commit is not acknowledged, and the slot is claimed anew', async () => {
    await using at = await world({ slots: { ...slots, max: 1, lease: 600 } })
    const one = at.process()
    await one.listener.start()
    const connection = await at.broker.subscribed('ingest-1')
    for (const messageId of [1, 2]) connection.deliver({ messageId, payload: `${messageId}` })
    await waitUntil('the messages', () => one.hub.held.received.length === 2)
    const error = new DeviceHubError('fenced', 'another process has taken over')
    one.hub.held.settle('1', { status: 'failed', error })
    one.hub.held.settle('2')
    const next = await at.broker.subscribed('ingest-1', 2)
    expect(connection.open).toBe(false)
    expect(connection.pubacks).toEqual([])
    expect(one.listener.stats()).toMatchObject({ fenced: 1, failed: 0, slotsLost: 1, acknowledged: 0 })
    next.deliver({ messageId: 1, payload: 'again', dup: true })
    await waitUntil('the message', () => one.hub.held.received.length === 3)
    expect(one.hub.held.received[2]?.message.fence?.epoch).toBe(2)
    one.hub.held.settle()
    await waitUntil('the acknowledgement', () => next.pubacks.length === 1)
  })

  test('a failed message of a handler whose slot is gone is left to the next holder', async () => {
    await using at = await world({ slots: { ...slots, max: 1, lease: 600 } })
    const one = at.process()
    let refusals = 0
    one.hub.quarantine = async () => {
      refusals++
      throw new DeviceHubError('fenced', 'another process has taken over')
    }
    const handler = () => {
      throw new Error('no')
    }
    await one.listener.start()
    await one.listener.handle('other/topic', handler, { name: 'other' }).ready
    const connection = await at.broker.subscribed('ingest-1-other')
    connection.deliver({ topic: 'other/topic', messageId: 1 })
    await connection.closed
    await at.broker.subscribed('ingest-1-other', 2)
    expect(connection.pubacks).toEqual([])
    expect(refusals).toBe(1)
    expect(one.listener.stats()).toMatchObject({ fenced: 1, slotsLost: 1 })
  })

  test('to a client of the same id, though the lease is held: the error names the cause', async () => {
    await using at = await world({ reconnect: { min: 1, max: 60_000 } })
    const one = at.process()
    await one.listener.start()
    ;(await at.broker.subscribed('ingest-1')).disconnect(0x8e)
    await waitUntil(
      'the reason in the log',
      () => logOf(one.hub, /connected as ingest-1.*slots\.broker/).length,
    )
    expect(one.listener.stats()).toMatchObject({ takenOver: 1, slotsLost: 0, state: 'waiting' })
    expect(connects(at, 'ingest-1')).toBe(1)
  })
})

describe('a slot that nobody holds', () => {
  const adopting = { slots, drainTimeout: 60_000 }

  test('is adopted when it was free twice in a row, by one that is connected', async () => {
    let refusing = true
    const onConnect: FakeBrokerOptions['onConnect'] = ({ clientId }) =>
      refusing && clientId === 'ingest-1' ? { reasonCode: 0x88 } : { sessionPresent: true }
    await using at = await world(adopting, { onConnect })
    await at.orphan(1)
    await at.orphan(2)
    const one = at.process()
    const started = one.listener.start()
    await waitUntil('renewals', () => one.leases.calls.filter((call) => /^renew/.test(call)).length >= 5)
    expect(connects(at, 'ingest-2')).toBe(0)
    refusing = false
    await started
    const from = one.leases.calls.length
    await waitUntil('the adoption', () => one.listener.stats().adopted === 1)
    const calls = one.leases.calls.slice(from)
    const claimed = calls.findIndex((call) => /^claim .*ingest\/2$/.test(call))
    expect(calls.slice(0, claimed).filter((call) => /^find .*ingest\/2/.test(call)).length).toBeGreaterThan(1)
    await waitUntil('its note', async () => (await at.note(2)) === null)
    expect(one.slot()).toMatchObject({ number: 1, state: 'held' })
  })

  test('invariant 1: whoever adopts it and loses the lease lets go at once, and the session stays', async () => {
    await using at = await world(adopting, { onConnect: () => ({ sessionPresent: true }) })
    await at.orphan(1)
    await at.orphan(2)
    const one = at.process()
    await one.listener.start()
    const connection = await at.broker.connection('ingest-2')
    connection.deliver({ messageId: 1, payload: 'queued' })
    await waitUntil('the message', () => one.hub.held.received.length === 1)
    expect(one.hub.held.received[0]?.message.fence?.name).toMatch(/ingest\/2$/)
    one.leases.fault = 'rejects'
    await connection.closed
    one.hub.held.settle()
    await waitUntil('the count', () => one.listener.stats().staleAcks === 1)
    expect(connection.pubacks).toEqual([])
    expect(connection.of('disconnect')).toEqual([])
    expect(await at.note(2)).toBe('unsure')
    expect(one.listener.stats().adopted).toBe(0)
  })

  test('stopping lets go of it too, and the next one goes on', async () => {
    await using at = await world(adopting, { onConnect: () => ({ sessionPresent: true }) })
    await at.orphan(1)
    await at.orphan(2)
    const one = at.process()
    await one.listener.start()
    const connection = await at.broker.connection('ingest-2')
    connection.deliver({ messageId: 1 })
    await waitUntil('the message', () => one.hub.held.received.length === 1)
    await one.listener.stop()
    expect(connection.open).toBe(false)
    const two = at.process()
    await two.listener.start()
    await waitUntil('the adoption', () => two.listener.stats().adopted === 1)
  })
})

describe('starting', () => {
  test('without the database: gives up after connectTimeout, and can be started again', async () => {
    await using at = await world({ connectTimeout: 300 })
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
    await using at = await world()
    const outdated = async () => {
      throw new DeviceHubError('schema_outdated', 'call hub.storage.migrate()')
    }
    const leases: LeaseStore = { find: outdated, claim: outdated, renew: outdated, release: outdated }
    const listener = createMqttListener(createHeldHub({ leases }), { url: at.broker.url, slots })
    await expect(listener.start()).rejects.toMatchObject({ code: 'schema_outdated' })
  })

  test('without the broker: the slot is given back', async () => {
    await using at = await world({ connectTimeout: 300 })
    const one = at.process({ url: 'mqtt://127.0.0.1:1', slots: { ...slots, broker: 'b' } })
    await expect(one.listener.start()).rejects.toMatchObject({ code: 'transport_unavailable' })
    expect(await at.database.find(['slot/b/ingest/1'])).toMatchObject([{ holder: null, note: 'unsure' }])
  })
})

describe('groups', () => {
  test('of one name on two brokers are two groups; one broker under two addresses takes a name', async () => {
    await using at = await world({ slots: { ...slots, max: 1 } })
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
    await using at = await world({}, { onConnect: () => ({ sessionPresent: false }) })
    const one = at.process()
    await one.listener.start()
    await one.listener.stop()
    const two = at.process()
    await two.listener.start()
    expect(two.listener.stats()).toMatchObject({ slotsTaken: 1, sessionsLost: 1 })
    expect(one.listener.stats().sessionsLost).toBe(0)
  })

  test('adopting a member by hand is refused, another client id is not', async () => {
    await using at = await world()
    const one = at.process()
    await one.listener.start()
    for (const id of ['ingest-1', 'ingest-2', 'ingest-2-alarms'])
      await expect(one.listener.adopt(id)).rejects.toMatchObject({ code: 'invalid_options' })
    expect(await one.listener.adopt('hub-1')).toEqual({ sessions: 0, messages: 0 })
  })

  test('several brokers: each has its slot; the state is that of the one that is worst off', async () => {
    await using at = await world()
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
