import type { LeaseStore } from '@devicehub/core/storage'
import { createRawClient, createTcpProxy, waitUntil } from '@devicehub/test-kit'
import { beforeEach, expect, test } from 'vitest'
import { createMqttListener, type MqttListenerOptions } from '../index.js'
import { breakableLeases, createLeases } from '../testing/breakable-leases.js'
import { describeBrokers } from '../testing/brokers.js'
import { createHeldHub } from '../testing/held-hub.js'

describeBrokers('processes of one configuration', (broker, name) => {
  let database: LeaseStore
  let group = ''
  let count = 0
  // A group and a topic a test: what a failed one left behind takes no share of the next.
  beforeEach(() => {
    group = `group-${++count}`
    database = createLeases()
  })

  const topic = () => `things/station/${group}/data`

  function createProcess(options: MqttListenerOptions = {}, max = 3) {
    const leases = breakableLeases(database)
    const hub = createHeldHub({ leases })
    const listener = createMqttListener(hub, {
      url: broker().url,
      slots: { group, max, lease: 2, broker: name },
      quietPeriod: '500ms',
      // HiveMQ may need a new SUBSCRIBE to go on with a group that a member left; an idle member sends one so often.
      keepAlive: 2,
      reconnect: { min: '50ms', max: '500ms' },
      drainTimeout: '2s',
      ...options,
    })
    return {
      leases,
      hub,
      listener,
      slot: () => listener.stats().slot?.number ?? null,
      own: () => hub.held.received.filter(({ message }) => message.topic === topic()).map(({ text }) => text),
    }
  }
  type Process = ReturnType<typeof createProcess>

  async function startAll(processes: readonly Process[]) {
    for (const { hub } of processes) hub.held.settleAtOnce()
    await Promise.all(processes.map(({ listener }) => listener.start()))
  }

  const stopAll = (processes: readonly Process[]) =>
    Promise.all(processes.map(({ listener }) => listener.stop()))

  async function publish(from: number, to: number) {
    await using device = await createRawClient({ port: broker().port })
    for (let at = from; at < to; at += 50)
      await Promise.all(
        Array.from({ length: Math.min(50, to - at) }, (_, n) => device.publish(topic(), `${at + n}`)),
      )
  }

  const texts = (...processes: readonly Process[]) => new Set(processes.flatMap(({ own }) => own()))

  /** As a process that is killed, or whose machine lost its network: no broker and no database from one moment on. */
  async function mortal(options: MqttListenerOptions = {}, max = 3) {
    const proxy = await createTcpProxy(broker().port)
    const process = createProcess({ url: `mqtt://127.0.0.1:${proxy.port}`, ...options }, max)
    return {
      ...process,
      die() {
        process.leases.fault = 'rejects'
        proxy.refuse(true)
        proxy.cut()
      },
      async bury() {
        await process.listener.stop()
        await proxy.close()
      },
    }
  }

  /** Whether the broker has a session for a slot; asking with a client of its own, it ends it. */
  async function hasSession(slot: number, protocolVersion: 4 | 5 = 5) {
    const connect = { clientId: `${group}-${slot}`, clean: false }
    await using client = await createRawClient({ port: broker().port, protocolVersion, connect })
    return client.connack.sessionPresent
  }

  const notes = async (max = 3) => {
    const names = Array.from({ length: max }, (_, index) => `slot/${name}/${group}/${index + 1}`)
    const states = await database.find(names)
    return names.map((each) => states.find((state) => state.name === each)?.note ?? null)
  }

  test('three of them hold three slots and share the load; nothing is lost', async () => {
    const all = [createProcess(), createProcess(), createProcess()]
    await startAll(all)
    expect(all.map(({ slot }) => slot()).toSorted()).toEqual([1, 2, 3])
    let sent = 0
    // HiveMQ may give a new member nothing before it has subscribed a second time.
    await waitUntil('a share for each', async () => {
      await publish(sent, sent + 300)
      sent += 300
      return all.every(({ own }) => own().length > 0)
    })
    await waitUntil('every message', () => texts(...all).size === sent)
    expect(all.reduce((sum, { own }) => sum + own().length, 0)).toBe(sent)
    await stopAll(all)
  })

  test('invariant 1: the slot of one that died is emptied and its session ended, by itself', async () => {
    const dead = await mortal()
    await dead.listener.start()
    const living = [createProcess(), createProcess()]
    await publish(0, 60)
    await waitUntil('some that it will never commit', () => dead.own().length > 0)
    await startAll(living)
    const slot = dead.slot() as number
    const publishing = publish(60, 900)
    dead.die()
    await publishing
    await waitUntil('every message', () => texts(...living).size === 900)
    await waitUntil('the end of the session', async () => (await notes())[slot - 1] === null)
    expect(living.reduce((sum, { listener }) => sum + listener.stats().sessionsAdopted, 0)).toBe(1)
    expect(await hasSession(slot)).toBe(false)
    expect(dead.listener.stats()).toMatchObject({ acknowledged: 0, slotsLost: 1 })
    // It takes no share any more.
    await publish(900, 1_000)
    await waitUntil('every message', () => texts(...living).size === 1_000)
    await stopAll(living)
    await dead.bury()
  })

  test('invariant 1: one too many stands by, and continues where the one that died stopped', async () => {
    const dead = await mortal({}, 2)
    await dead.listener.start()
    const [other, spare] = [createProcess({}, 2), createProcess({}, 2)]
    await startAll([other])
    await startAll([spare])
    expect(spare.listener.stats()).toMatchObject({
      state: 'standby',
      slot: { state: 'standby', number: null },
    })
    const slot = dead.slot()
    const publishing = publish(0, 600)
    dead.die()
    await publishing
    await waitUntil('every message', () => texts(other, spare).size === 600)
    await waitUntil('the slot', () => spare.slot() === slot && spare.listener.stats().state === 'connected')
    expect(spare.listener.stats()).toMatchObject({ slotsTaken: 1, sessionsLost: 0 })
    expect(other.listener.stats().sessionsAdopted).toBe(0)
    await stopAll([other, spare])
    await dead.bury()
  })

  test('invariant 1: a rolling restart under load loses nothing, and leaves no session behind', async () => {
    const all = [createProcess(), createProcess(), createProcess()]
    await startAll(all)
    const publishing = publish(0, 3_000)
    const everyone = [...all]
    for (const index of [0, 1, 2]) {
      await all[index]?.listener.stop()
      const next = createProcess()
      await startAll([next])
      all[index] = next
      everyone.push(next)
    }
    await publishing
    await waitUntil('every message', () => texts(...everyone).size === 3_000)
    expect(new Set(all.map(({ slot }) => slot())).size).toBe(3)
    expect(await notes()).toEqual(['open', 'open', 'open'])
    await stopAll(all)
  })

  test('invariant 1: when all leave at once, the last session stays and has what is sent meanwhile', async () => {
    const all = [createProcess(), createProcess(), createProcess()]
    await startAll(all)
    await publish(0, 300)
    await Promise.all(all.map(({ listener }) => listener.stop({ endSession: true })))
    const left = await notes()
    expect(left.toSorted()).toEqual([null, null, 'open'].toSorted())
    const kept = all.filter(({ hub }) => hub.log.some(({ message }) => /is kept/.test(message ?? '')))
    expect(kept).toHaveLength(1)
    await publish(300, 600)
    const next = createProcess()
    await startAll([next])
    expect(next.slot()).toBe(left.indexOf('open') + 1)
    await waitUntil('every message', () => texts(...all, next).size === 600)
    for (const [index, note] of left.entries())
      if (note === null) expect(await hasSession(index + 1)).toBe(false)
    await stopAll([next])
  })

  test('invariant 1: those that are gone when only one comes back are adopted, also beyond a smaller max', async () => {
    const all = [createProcess(), createProcess(), createProcess()]
    await startAll(all)
    await stopAll(all)
    expect(await notes()).toEqual(['open', 'open', 'open'])
    await publish(0, 300)
    const one = createProcess({}, 2)
    await startAll([one])
    await waitUntil('every message', () => texts(one).size === 300)
    await waitUntil('the end of the others', async () => `${await notes()}` === 'open,,')
    expect(one.listener.stats().sessionsAdopted).toBe(2)
    for (const slot of [2, 3]) expect(await hasSession(slot)).toBe(false)
    await stopAll([one])
  })

  test.skipIf(name !== 'mosquitto')(
    'invariant 1: MQTT 3.1.1, one receives and the other stands by with the same session',
    async () => {
      const options = { protocolVersion: 4 } as const
      const dead = await mortal(options, 1)
      await dead.listener.start()
      await publish(0, 100)
      await waitUntil('some that it will never commit', () => dead.own().length > 0)
      const spare = createProcess(options, 1)
      await startAll([spare])
      expect(spare.listener.stats().state).toBe('standby')
      dead.die()
      await publish(100, 300)
      await waitUntil('every message', () => texts(spare).size === 300)
      expect(spare.listener.stats()).toMatchObject({ slotsTaken: 1, sessionsLost: 0, sessionsAdopted: 0 })
      // Without a group there is no other session: leaving keeps it.
      await spare.listener.stop({ endSession: true })
      expect(await hasSession(1, 4)).toBe(true)
      await dead.bury()
    },
  )

  test.skipIf(name !== 'mosquitto')('MQTT 3.1.1 with a group: adopted as well', async () => {
    const options = { protocolVersion: 4, sharedGroup: 'named' } as const
    const dead = await mortal(options)
    const living = createProcess(options)
    await startAll([living])
    await dead.listener.start()
    await publish(0, 100)
    dead.die()
    await waitUntil('every message', () => texts(living).size === 100)
    await waitUntil('the end of the session', async () => `${await notes()}` === 'open,,')
    expect(await hasSession(2, 4)).toBe(false)
    await stopAll([living])
    await dead.bury()
  })
})
