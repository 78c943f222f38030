import { createRawClient, type MosquittoService, waitUntil } from '@devicehub/test-kit'
import { beforeEach, expect, test } from 'vitest'
import { createMqttListener, type MqttListenerOptions } from '../index.js'
import { describeBrokers } from '../testing/brokers.js'
import { createHeldHub, type HeldHub } from '../testing/held-hub.js'

describeBrokers('replicas', (broker, name) => {
  // One group a test: what a failed one left behind takes no share of the next.
  let group = 0
  beforeEach(() => {
    group++
  })

  function replica(clientId: string, hub: HeldHub, options: MqttListenerOptions = {}) {
    return createMqttListener(hub, {
      url: broker().url,
      clientId,
      sharedGroup: `group-${group}`,
      quietPeriod: '500ms',
      // HiveMQ may need a new SUBSCRIBE to go on with a group that a member left; an idle member sends one so often.
      keepAlive: 2,
      reconnect: { min: '50ms', max: '500ms' },
      ...options,
    })
  }

  const storing = () => {
    const hub = createHeldHub()
    hub.held.settleAtOnce()
    return hub
  }

  async function publish(topic: string, from: number, to: number) {
    const device = await createRawClient({ port: broker().port })
    for (let at = from; at < to; at += 50)
      await Promise.all(
        Array.from({ length: Math.min(50, to - at) }, (_, n) => device.publish(topic, `${at + n}`)),
      )
    await device.disconnect()
  }

  const textsOf = (hubs: readonly HeldHub[]) =>
    new Set(hubs.flatMap(({ held }) => held.received.map(({ text }) => text)))

  test('invariant 1: a replica that comes back has what was sent while it was away', async () => {
    const topic = 'things/station/back/data'
    const first = storing()
    const listener = replica('back', first, { sharedGroup: false })
    await listener.start()
    await publish(topic, 0, 100)
    await waitUntil('the first', () => textsOf([first]).size === 100)
    await listener.stop()
    await publish(topic, 100, 300)
    const second = storing()
    await using again = replica('back', second, { sharedGroup: false })
    await again.start()
    await waitUntil('the rest', () => textsOf([first, second]).size === 300)
    expect(second.held.received.filter(({ message }) => message.redelivered)).toEqual([])
    await again.stop({ endSession: true })
  })

  test('a broker that was restarted deals to the group again', async () => {
    const topic = 'things/station/restart/data'
    const hub = storing()
    // So long that no idle member asks by itself.
    await using listener = replica('restart', hub, { keepAlive: 600 })
    await listener.start()
    await publish(topic, 0, 20)
    await waitUntil('the first', () => textsOf([hub]).size === 20)
    await broker().restart()
    await waitUntil('the reconnect', () => {
      const { reconnects, state } = listener.stats()
      return reconnects === 1 && state === 'connected'
    })
    await publish(topic, 20, 40)
    await waitUntil('the rest', () => textsOf([hub]).size === 40)
    await listener.stop({ endSession: true })
  })

  test('invariant 1: scaling down under load loses nothing: the one that leaves takes its queue with it', async () => {
    const topic = 'things/station/down/data'
    const hubs = [storing(), createHeldHub()] as const
    const [stays, leaves] = [replica('stays', hubs[0]), replica('leaves', hubs[1], { receiveMaximum: 20 })]
    // mosquitto deals the messages out, HiveMQ gives them to whoever takes: alone at first, it holds some at either.
    await leaves.start()
    await publish(topic, 0, 200)
    await waitUntil('some', () => leaves.stats().inFlight > 0)
    await stays.start()
    await publish(topic, 200, 1_000)
    const left = leaves.stop({ endSession: true })
    hubs[1].held.settleAtOnce()
    await left
    await publish(topic, 1_000, 1_200)
    await waitUntil('every message', () => textsOf(hubs).size === 1_200)
    // Nothing is sent to a member that has left.
    await publish(topic, 1_200, 1_300)
    await waitUntil('every message', () => textsOf(hubs).size === 1_300)
    expect(leaves.stats()).toMatchObject({ lateAcks: 0, inFlight: 0 })
    await stays.stop({ endSession: true })
  })

  test('invariant 1: a rolling restart under load loses nothing and stores nothing twice', async () => {
    const topic = 'things/station/rolling/data'
    const hubs = [storing(), storing()] as const
    const names = ['rolling-1', 'rolling-2'] as const
    const running = names.map((name, index) => replica(name, hubs[index] as HeldHub))
    await Promise.all(running.map((listener) => listener.start()))
    const publishing = publish(topic, 0, 3_000)
    for (const [index, name] of names.entries()) {
      await running[index]?.stop()
      const next = replica(name, hubs[index] as HeldHub)
      running[index] = next
      await next.start()
    }
    await publishing
    await waitUntil('every message', () => textsOf(hubs).size === 3_000)
    expect(hubs.reduce((sum, { held }) => sum + held.received.length, 0)).toBe(3_000)
    await Promise.all(running.map((listener) => listener.stop({ endSession: true })))
  })

  test('invariant 1: the session of a dead replica is adopted with all that is in it', async () => {
    const topic = 'things/station/dead/data'
    const hubs = [storing(), createHeldHub()] as const
    const handled = new Set<string>()
    const handle = (listener: ReturnType<typeof replica>) =>
      listener.handle('topic/of/handler', ({ payload }) => void handled.add(Buffer.from(payload).toString()))
    const [survivor, dead] = [
      replica('survivor', hubs[0]),
      replica('dead', hubs[1], { drainTimeout: '50ms' }),
    ]
    handle(survivor)
    dead.handle('topic/of/handler', () => new Promise(() => {}))
    await dead.start()
    await publish(topic, 0, 100)
    await publish('topic/of/handler', 0, 40)
    await waitUntil(
      'some',
      () => hubs[1].held.received.length > 0 && dead.stats().inFlight > hubs[1].held.received.length,
    )
    await survivor.start()
    await publish(topic, 100, 400)
    // As good as dead: it stores nothing and goes, its sessions kept.
    await dead.stop()
    await publish(topic, 400, 600)
    const result = await survivor.endSessionsOf('dead')
    expect(result.sessions).toBe(2)
    await waitUntil('every message', () => textsOf([hubs[0]]).size === 600 && handled.size === 40)
    // Its place in the group is gone as well.
    await publish(topic, 600, 700)
    await waitUntil('every message', () => textsOf([hubs[0]]).size === 700)
    expect(await survivor.endSessionsOf('dead')).toEqual({ sessions: 0, messages: 0 })
    await survivor.stop({ endSession: true })
  })

  test('adopting is refused for itself; what cannot be stored stays in the session', async () => {
    const topic = 'things/station/stays/data'
    const away = createHeldHub()
    const listener = replica('adopter', away, { drainTimeout: '100ms', sharedGroup: false })
    await expect(listener.endSessionsOf('adopter')).rejects.toMatchObject({ code: 'invalid_options' })
    const dead = replica('gone', away, { drainTimeout: 0, sharedGroup: false })
    await dead.start()
    await dead.stop()
    await publish(topic, 0, 20)
    await expect(listener.endSessionsOf('gone')).rejects.toMatchObject({
      code: 'transport_unavailable',
      message: expect.stringMatching(/20 messages were not stored within 100 ms/),
    })
    const hub = storing()
    expect(await replica('adopter', hub, { sharedGroup: false }).endSessionsOf('gone')).toEqual({
      sessions: 1,
      messages: 20,
    })
    expect(textsOf([hub]).size).toBe(20)
  })

  test('invariant 1: a broker that is killed and comes back costs nothing that it had on disk', async ({
    skip,
  }) => {
    skip(name !== 'mosquitto', 'HiveMQ cannot be told to write now')
    const topic = 'things/station/killed/data'
    const hub = createHeldHub()
    await using listener = replica('killed', hub, { sharedGroup: false })
    await listener.start()
    await publish(topic, 0, 50)
    await waitUntil('the messages', () => hub.held.received.length === 50)
    await (broker() as MosquittoService).save()
    await broker().kill()
    await waitUntil('the listener to notice', () => listener.stats().state !== 'connected')
    await broker().restart()
    await waitUntil('the messages again', () => hub.held.received.length === 100)
    expect(listener.stats()).toMatchObject({ acknowledged: 0, inFlight: 100 })
    hub.held.settleAtOnce()
    await waitUntil('the acknowledgements', () => listener.stats().acknowledged === 50)
    expect(listener.stats()).toMatchObject({ lateAcks: 50, redelivered: 50, inFlight: 0 })
    await listener.stop({ endSession: true })
  })
})
