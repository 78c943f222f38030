import { createDeviceHub, type DeviceHub, memoryStorage, silentLogger } from '@devicehub/core'
import { createRawClient, createRawSubscriber, describeWith, waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { createMqttListener, type MqttListener } from '../index.js'
import { createHeldHub } from '../testing/held-hub.js'
import { Station } from '../testing/station.js'

describeWith(['mosquitto'], 'what a topic handler hands over', ({ mosquitto }) => {
  let count = 0

  const listenerOn = (hub: Parameters<typeof createMqttListener>[0], clientId = `context-${++count}`) =>
    createMqttListener(hub, {
      url: mosquitto().url,
      clientId,
      drainTimeout: '200ms',
      quietPeriod: '50ms',
    })

  async function world(storage = memoryStorage()) {
    const hub = createDeviceHub({
      types: [Station],
      storage,
      unknownDevice: 'register',
      logger: silentLogger,
    })
    const listener = listenerOn(hub)
    const device = await createRawClient({ port: mosquitto().port })
    return {
      hub,
      listener,
      device,
      async [Symbol.asyncDispose]() {
        await listener.stop({ endSession: true })
        await hub.close()
        await device.disconnect()
      },
    }
  }

  const handedOver = (deviceId: string, temperature: number) => ({
    topic: `things/station/${deviceId}/data`,
    payload: Buffer.from(JSON.stringify({ temperature })),
  })
  const stored = async (hub: DeviceHub) =>
    (await hub.readings.list(Station, { order: 'asc' })).items.map(({ readings }) => readings.temperature)
  const failed = async (hub: DeviceHub) => (await hub.messages.list(null, { status: 'quarantined' })).items
  const acknowledged = (listener: MqttListener, n: number) =>
    waitUntil('the acknowledgement', () => listener.stats().acknowledged === n)

  test('is stored when the handler is done, and the message acknowledged behind it', async () => {
    const hub = createHeldHub()
    const listener = listenerOn(hub)
    const device = await createRawClient({ port: mosquitto().port })
    listener.handle('in/topic', async (message, context) => {
      context.ingest(handedOver('a', 1), { ...handedOver('b', 2), contentType: 'application/json' })
      await context.publish({ topic: 'out/topic', payload: message.payload })
    })
    const heard = await createRawSubscriber({ port: mosquitto().port, topics: 'out/#' })
    await listener.start()
    await device.publish('in/topic', 'hello', { retain: false })
    await waitUntil('what it handed over', () => hub.held.received.length === 2)
    expect(hub.held.received.map(({ message }) => message)).toMatchObject([
      { topic: 'things/station/a/data', source: 'mqtt:default', qos: 1, receivedAt: expect.any(Date) },
      { topic: 'things/station/b/data', contentType: 'application/json' },
    ])
    expect(listener.stats().acknowledged).toBe(0)
    hub.held.settleAtOnce()
    await acknowledged(listener, 1)
    await listener.stop({ endSession: true })
    await device.disconnect()
    await heard[Symbol.asyncDispose]()
  })

  test('is not stored when the handler takes too long: the message is failed, and not both', async () => {
    await using at = await world()
    const refused: unknown[] = []
    let late = () => {}
    const gone = new Promise<void>((resolve) => {
      late = resolve
    })
    at.listener.handle(
      'in/slow',
      async (_, context) => {
        context.ingest(handedOver('a', 1))
        await new Promise((resolve) => context.signal.addEventListener('abort', resolve))
        await gone
        try {
          context.ingest(handedOver('a', 2))
        } catch (error) {
          refused.push(error)
        }
        await context.publish({ topic: 'out/late', payload: '' }).catch((error) => refused.push(error))
      },
      { timeout: '50ms' },
    )
    await at.listener.start()
    await at.device.publish('in/slow', 'x')
    await acknowledged(at.listener, 1)
    expect(await failed(at.hub)).toMatchObject([
      {
        code: 'handler_failed',
        reason: expect.stringContaining('did not finish within 50 ms'),
        topic: 'in/slow',
      },
    ])
    late()
    await waitUntil('both refusals', () => refused.length === 2)
    for (const error of refused) expect(error).toMatchObject({ code: 'handler_failed' })
    expect(await stored(at.hub)).toEqual([])
    expect(at.listener.stats().published).toBe(0)
  })

  test('is not stored when the handler throws behind it, nor when it comes after the handler was done', async () => {
    await using at = await world()
    const refused: unknown[] = []
    at.listener.handle('in/+', (message, context) => {
      context.ingest(handedOver('a', 1))
      if (message.topic === 'in/bad') throw new Error('on second thought')
      setTimeout(() => {
        try {
          context.ingest(handedOver('a', 2))
        } catch (error) {
          refused.push(error)
        }
      }, 1)
    })
    await at.listener.start()
    await at.device.publish('in/bad', 'x')
    await acknowledged(at.listener, 1)
    expect(await stored(at.hub)).toEqual([])
    await at.device.publish('in/good', 'x')
    await acknowledged(at.listener, 2)
    await waitUntil('the refusal', () => refused.length === 1)
    expect(refused[0]).toMatchObject({ code: 'closed' })
    expect(await stored(at.hub)).toEqual([1])
    expect(await failed(at.hub)).toHaveLength(1)
  })

  test('is refused when it is no message, and the handler fails with the reason', async () => {
    await using at = await world()
    at.listener.handle('in/odd', (_, context) => context.ingest({ topic: 'a' } as never))
    await at.listener.start()
    await at.device.publish('in/odd', 'x')
    await acknowledged(at.listener, 1)
    expect(await failed(at.hub)).toMatchObject([{ reason: expect.stringContaining('payload') }])
  })

  test('a message that a handler failed for is replayed through it, once it is fixed', async () => {
    const storage = memoryStorage()
    await using at = await world(storage)
    let broken = true
    const calls: string[] = []
    const take = at.listener.handle(
      'in/+/sick',
      (message, context) => {
        calls.push(Buffer.from(message.payload).toString())
        context.ingest(handedOver('a', Number(message.payload.at(0))))
        if (broken) throw new Error('not yet')
      },
      { name: 'sick' },
    )
    await at.listener.start()
    await at.device.publish('in/1/sick', 'A')
    await acknowledged(at.listener, 1)
    const [row] = await failed(at.hub)
    expect(row).toMatchObject({ code: 'handler_failed', reason: 'not yet', flags: 'handler:sick' })
    const ref = { id: row?.id as string, typeKey: null }

    // Elsewhere, where no such handler runs: an error that says so, and the row stays.
    const elsewhere = createDeviceHub({ types: [Station], storage, logger: silentLogger })
    await expect(elsewhere.messages.replay(ref)).rejects.toMatchObject({
      code: 'not_replayable',
      message: expect.stringContaining('"sick" of mqtt:default'),
    })
    expect(await at.hub.messages.get(ref)).toMatchObject({ status: 'quarantined' })

    // Still broken: a new row says why, the old one is done with.
    expect(await at.hub.messages.replay(ref)).toMatchObject({ status: 'quarantined', reason: 'not yet' })
    expect(await at.hub.messages.get(ref)).toMatchObject({ status: 'replayed' })
    const [again] = await failed(at.hub)
    const next = { id: again?.id as string, typeKey: null }

    broken = false
    const both = await Promise.allSettled([at.hub.messages.replay(next), at.hub.messages.replay(next)])
    expect(both).toMatchObject([
      { status: 'fulfilled', value: { status: 'stored' } },
      { status: 'rejected', reason: { code: 'not_replayable' } },
    ])
    expect(calls).toEqual(['A', 'A', 'A'])
    expect(await stored(at.hub)).toEqual([65])
    expect(await at.hub.messages.get(next)).toMatchObject({ status: 'replayed' })
    expect((await at.hub.messages.list(null, { status: 'processed' })).items).toMatchObject([
      { topic: 'in/1/sick', flags: 'handler:sick' },
    ])
    await expect(at.hub.messages.replay(next)).rejects.toMatchObject({ code: 'not_replayable' })
    await take()
    await elsewhere.close()
  })

  test('a handler that was removed, or whose listener has stopped, replays nothing', async () => {
    await using at = await world()
    at.listener.handle('in/a', () => Promise.reject(new Error('no')), { name: 'a' })
    const take = at.listener.handle('in/b', () => Promise.reject(new Error('no')), { name: 'b' })
    await at.listener.start()
    for (const topic of ['in/a', 'in/b']) await at.device.publish(topic, 'x')
    await acknowledged(at.listener, 2)
    const rows = await failed(at.hub)
    const replay = (topic: string) => {
      const row = rows.find((one) => one.topic === topic)
      return at.hub.messages.replay({ id: row?.id as string, typeKey: null })
    }
    await take()
    await expect(replay('in/b')).rejects.toMatchObject({ code: 'not_replayable' })
    await at.listener.stop()
    await expect(replay('in/a')).rejects.toMatchObject({ code: 'not_replayable' })
    await at.listener.start()
    expect(await replay('in/a')).toMatchObject({ status: 'quarantined' })
  })
})
