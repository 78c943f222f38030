import { stat } from 'node:fs'
import { DeviceHubError } from '@devicehub/core'
import type { FakeBrokerOptions } from '@devicehub/test-kit'
import { createTcpProxy, waitUntil } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { brief, connects, logOf, slots, slotWorld } from '../testing/slot-world.js'

type Process = ReturnType<Awaited<ReturnType<typeof slotWorld>>['process']>

/** Until the slot is given up, and was asked for in vain again and again: one line says so. */
async function claimsFail({ hub, leases }: Process): Promise<void> {
  await waitUntil('the first claim that fails', () => logOf(hub, /cannot claim a slot/).length > 0)
  const looks = () => leases.calls.filter((call) => call.startsWith('find ')).length
  const before = looks()
  await waitUntil('claims that fail', () => looks() >= before + 3)
  expect(logOf(hub, /cannot claim a slot/)).toHaveLength(1)
}

describe('losing a slot', () => {
  test('invariant 1: the connection is cut, nothing is acknowledged any more, no other is made under its id', async () => {
    await using at = await slotWorld({ slots: { ...brief, max: 1 } })
    const one = at.process()
    await one.listener.start()
    const connection = await at.broker.subscribed('ingest-1')
    connection.deliver({ messageId: 1, payload: 'committed late' })
    await waitUntil('the message', () => one.hub.held.received.length === 1)
    one.leases.fault = 'rejects'
    await connection.closed
    one.hub.held.settle()
    await claimsFail(one)
    expect(connection.pubacks).toEqual([])
    expect(connection.of('disconnect')).toEqual([])
    expect(connects(at, 'ingest-1')).toBe(1)
    expect(one.listener.stats()).toMatchObject({
      slotsLost: 1,
      acknowledged: 0,
      lateAcks: 1,
      state: 'waiting',
    })
    expect(one.slot()).toMatchObject({ state: 'unclaimed', number: null })
    // The database is back: nobody took the slot.
    one.leases.fault = 'none'
    await at.broker.subscribed('ingest-1', 2)
    await waitUntil('the slot', () => one.slot()?.epoch === 2 && one.listener.stats().state === 'connected')
  })

  test('also when the database does not answer at all; stop() does not wait for it', async () => {
    await using at = await slotWorld({ slots: { ...brief, max: 1 } })
    const one = at.process()
    await one.listener.start()
    const connection = await at.broker.subscribed('ingest-1')
    one.leases.fault = 'hangs'
    await connection.closed
    expect(connection.of('disconnect')).toEqual([])
    await one.listener.stop()
  })

  test('a process that was frozen acknowledges nothing when it goes on', async () => {
    await using at = await slotWorld({ slots: { ...brief, max: 1 } })
    const one = at.process()
    await one.listener.start()
    const connection = await at.broker.subscribed('ingest-1')
    connection.deliver({ messageId: 1 })
    await waitUntil('the message', () => one.hub.held.received.length === 1)
    // In a callback of I/O, since what it settles is written before any timer can run.
    stat('.', () => {
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 2_200)
      one.hub.held.settle()
    })
    await connection.closed
    expect(connection.pubacks).toEqual([])
    await waitUntil('the slot again', () => one.slot()?.epoch === 2)
    expect(one.listener.stats()).toMatchObject({ acknowledged: 0, lateAcks: 1, slotsLost: 1 })
  })

  test('no attempt to connect follows it, though one was due', async () => {
    let refusing = false
    await using at = await slotWorld(
      { slots: { ...brief, max: 1 } },
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
    await claimsFail(one)
    expect(connects(at, 'ingest-1')).toBe(before)
  })

  test('invariant 1: what was refused at the commit is not acknowledged, and the slot is claimed anew', async () => {
    await using at = await slotWorld({ slots: { ...slots, max: 1 } })
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

  test('by a process that cannot reach the broker: it gives it back to one that can', async () => {
    await using at = await slotWorld({
      slots: { ...brief, max: 1, broker: 'plant' },
      connectTimeout: '2s',
    })
    await using proxy = await createTcpProxy(Number(new URL(at.broker.url).port))
    const one = at.process({ url: `mqtt://127.0.0.1:${proxy.port}` })
    const two = at.process()
    await one.listener.start()
    await two.listener.start()
    expect(two.slot()?.state).toBe('standby')
    proxy.refuse(true)
    proxy.cut()
    await waitUntil('the other to take it', () => two.listener.stats().state === 'connected')
    expect(logOf(one.hub, /this process cannot reach the broker/)).toHaveLength(1)
    proxy.refuse(false)
    await waitUntil('it to stand by', () => one.slot()?.state === 'standby')
    await one.listener.publish({ topic: 'a', payload: 'b' })
  })

  test('a failed message of a handler whose slot is gone is left to the next holder', async () => {
    await using at = await slotWorld({ slots: { ...slots, max: 1 } })
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
    await using at = await slotWorld({ reconnect: { min: '1ms', max: '1m' } })
    const one = at.process()
    await one.listener.start()
    ;(await at.broker.subscribed('ingest-1')).disconnect(0x8e)
    await waitUntil(
      'the reason in the log',
      () => logOf(one.hub, /connected as ingest-1.*slots\.broker/).length,
    )
    expect(one.listener.stats()).toMatchObject({ sessionsTakenOver: 1, slotsLost: 0, state: 'waiting' })
    expect(connects(at, 'ingest-1')).toBe(1)
  })
})

describe('a slot that nobody holds', () => {
  const adopting = { slots: brief, drainTimeout: '1m' as const }

  test('is adopted when it was free twice in a row, by one that is connected', async () => {
    let refusing = true
    const onConnect: FakeBrokerOptions['onConnect'] = ({ clientId }) =>
      refusing && clientId === 'ingest-1' ? { reasonCode: 0x88 } : { sessionPresent: true }
    await using at = await slotWorld(adopting, { onConnect })
    await at.orphan(1)
    await at.orphan(2)
    const one = at.process()
    const started = one.listener.start()
    await waitUntil('renewals', () => one.leases.calls.filter((call) => /^renew/.test(call)).length >= 5)
    expect(one.leases.calls.filter((call) => /^claim .*ingest\/2$/.test(call))).toEqual([])
    refusing = false
    await started
    const from = one.leases.calls.length
    await waitUntil('the adoption', () => one.listener.stats().sessionsAdopted === 1)
    const calls = one.leases.calls.slice(from)
    const claimed = calls.findIndex((call) => /^claim .*ingest\/2$/.test(call))
    expect(calls.slice(0, claimed).filter((call) => /^find .*ingest\/2/.test(call)).length).toBeGreaterThan(1)
    await waitUntil('its note', async () => (await at.note(2)) === null)
    expect(one.slot()).toMatchObject({ number: 1, state: 'held' })
  })

  test('invariant 1: a process that adopts it and loses the lease stops at once, and the session stays', async () => {
    await using at = await slotWorld(adopting, { onConnect: () => ({ sessionPresent: true }) })
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
    await waitUntil('the count', () => one.listener.stats().lateAcks === 1)
    expect(connection.pubacks).toEqual([])
    expect(connection.of('disconnect')).toEqual([])
    expect(await at.note(2)).toBe('unsure')
    expect(one.listener.stats().sessionsAdopted).toBe(0)
  })

  test('is looked for again and again while the database does not say which there are; one line says so', async () => {
    await using at = await slotWorld(adopting)
    const one = at.process()
    await one.listener.start()
    let looks = 0
    one.leases.find = async () => {
      looks++
      throw new DeviceHubError('storage_unavailable', 'the database is away')
    }
    await waitUntil('looks that fail', () => looks > 3)
    expect(logOf(one.hub, /messages left in the session of a free slot/)).toHaveLength(1)
  })

  test('stopping lets go of it too, and the next one goes on', async () => {
    await using at = await slotWorld(adopting, { onConnect: () => ({ sessionPresent: true }) })
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
    await waitUntil('the adoption', () => two.listener.stats().sessionsAdopted === 1)
  })
})
