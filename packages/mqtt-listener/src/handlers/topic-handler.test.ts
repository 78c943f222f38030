import type { InboundMessage } from '@devicehub/core'
import { createRawClient, createRawSubscriber, describeWith, waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { createMqttListener, type MqttListenerOptions } from '../index.js'
import { createHeldHub } from '../testing/held-hub.js'

const textOf = ({ payload }: InboundMessage) => Buffer.from(payload).toString()

describeWith(['mosquitto'], 'topic handlers', ({ mosquitto }) => {
  let count = 0

  async function world(options: MqttListenerOptions = {}) {
    const { port, url } = mosquitto()
    const hub = createHeldHub()
    const clientId = `handlers-${++count}`
    const listener = createMqttListener(hub, {
      url,
      clientId,
      drainTimeout: '200ms',
      quietPeriod: '50ms',
      ...options,
    })
    const device = await createRawClient({ port })
    return {
      hub,
      listener,
      device,
      async [Symbol.asyncDispose]() {
        hub.storageAway = false
        hub.held.settleAtOnce()
        await listener.stop({ endSession: true })
        await device.disconnect()
      },
    }
  }

  test('many handlers are no leak for Node', async () => {
    const warnings: string[] = []
    const warn = ({ name, message }: Error) => void warnings.push(`${name}: ${message}`)
    process.on('warning', warn)
    try {
      await using at = await world()
      for (let n = 0; n < 15; n++) at.listener.handle(`many/${n}`, () => {})
      await at.listener.start()
      await waitUntil('the listener is connected', () => at.listener.stats().state === 'connected')
    } finally {
      process.off('warning', warn)
    }
    expect(warnings).toEqual([])
  })

  test('a handler gets the messages of its topic, registered before the start or after it', async () => {
    await using at = await world()
    const heard: [string, string, string | undefined][] = []
    const hear = (message: InboundMessage) =>
      heard.push([message.topic, textOf(message), message.contentType])
    at.listener.handle('any/+/topic', hear)
    await at.listener.start()
    await at.listener.handle('other/#', hear).ready
    const properties = { contentType: 'text/plain' }
    await at.device.publish('any/one/topic', 'a', { properties })
    await waitUntil('the first', () => heard.length === 1)
    await at.device.publish('other/two', 'b', { qos: 2 })
    await waitUntil('the second', () => heard.length === 2)
    expect(heard).toEqual([
      ['any/one/topic', 'a', 'text/plain'],
      ['other/two', 'b', undefined],
    ])
    expect(at.hub.held.received).toHaveLength(0)
  })

  test('invariant 1: a message is acknowledged when its handler is done, not before', async () => {
    await using at = await world()
    let done = () => {}
    at.listener.handle(
      'slow/topic',
      () =>
        new Promise<void>((resolve) => {
          done = resolve
        }),
    )
    await at.listener.start()
    await at.device.publish('slow/topic', 'a')
    await waitUntil('the message', () => at.listener.stats().inFlight === 1)
    await at.listener.publish({ topic: 'nobody', payload: '' })
    expect(at.listener.stats()).toMatchObject({ acknowledged: 0, inFlight: 1 })
    done()
    await waitUntil('the acknowledgement', () => at.listener.stats().acknowledged === 1)
    expect(at.hub.quarantined).toEqual([])
  })

  test('invariant 3: what a handler throws on is quarantined with the reason, then acknowledged', async () => {
    await using at = await world()
    at.listener.handle('bad/topic', () => {
      throw new Error('cannot read this')
    })
    await at.listener.start()
    at.hub.storageAway = true
    await at.device.publish('bad/topic', 'poison')
    await waitUntil('the failure', () => at.listener.stats().handlerErrors === 1)
    await waitUntil('a try to quarantine it', () =>
      at.hub.log.some(({ message }) => /could not be quarantined/.test(message ?? '')),
    )
    expect(at.listener.stats().acknowledged).toBe(0)
    at.hub.storageAway = false
    await waitUntil('the acknowledgement', () => at.listener.stats().acknowledged === 1)
    expect(at.hub.quarantined).toMatchObject([
      { message: { topic: 'bad/topic' }, refusal: { code: 'handler_failed', reason: 'cannot read this' } },
    ])
    expect(at.hub.log.find(({ level }) => level === 'error')).toMatchObject({
      fields: { filter: 'bad/topic', topic: 'bad/topic' },
    })
  })

  test('invariant 6: a handler that hangs delays neither the devices nor other handlers, and is given up', async () => {
    await using at = await world({ receiveMaximum: 50 })
    at.hub.held.settleAtOnce()
    const signals: AbortSignal[] = []
    const heard: string[] = []
    const hang = at.listener.handle(
      'hang/topic',
      (_, { signal }) => {
        signals.push(signal)
        return new Promise(() => {})
      },
      { timeout: '2s', concurrency: 2 },
    )
    at.listener.handle('fine/topic', (message) => void heard.push(textOf(message)))
    await at.listener.start()
    for (let n = 0; n < 5; n++) await at.device.publish('hang/topic', `${n}`)
    await waitUntil('the handler to hang', () => signals.length === 2)
    // More than a window of each.
    for (let n = 0; n < 200; n++) {
      await at.device.publish('things/station/a/data', `${n}`)
      await at.device.publish('fine/topic', `${n}`)
    }
    await waitUntil('the others', () => heard.length === 200 && at.hub.held.received.length === 200)
    await waitUntil('five time-outs', () => at.hub.quarantined.length === 5)
    expect(signals[0]?.aborted).toBe(true)
    expect(at.hub.quarantined[0]?.refusal.reason).toMatch(/did not finish within 2000 ms/)
    await waitUntil('the acknowledgements', () => at.listener.stats().acknowledged === 405)
    await hang()
  })

  test('invariant 5: no more calls run at once than allowed', async () => {
    await using at = await world()
    let running = 0
    let most = 0
    let handled = 0
    at.listener.handle(
      'busy/topic',
      async () => {
        most = Math.max(most, ++running)
        await new Promise((resolve) => setTimeout(resolve, 5))
        running--
        handled++
      },
      { concurrency: 3 },
    )
    await at.listener.start()
    await Promise.all(Array.from({ length: 60 }, (_, n) => at.device.publish('busy/topic', `${n}`)))
    await waitUntil('all of them', () => handled === 60)
    expect(most).toBe(3)
  })

  test('a handler that publishes does not wait for itself, even when the windows are full', async () => {
    await using at = await world({ receiveMaximum: 1 })
    const heard = await createRawSubscriber({ port: mosquitto().port, topics: 'answers/#' })
    at.listener.handle(
      'questions',
      async (message) => {
        await at.listener.publish({ topic: 'answers/a', payload: message.payload })
      },
      { concurrency: 1 },
    )
    await at.listener.start()
    await Promise.all(Array.from({ length: 50 }, (_, n) => at.device.publish('questions', `${n}`)))
    for (let n = 0; n < 3; n++) await at.device.publish('things/station/a/data', `${n}`)
    await waitUntil('the answers', () => at.listener.stats().published === 50)
    expect(at.hub.held.received).toHaveLength(1)
    await heard[Symbol.asyncDispose]()
  })

  test('unsubscribing handles what is queued, then the broker forgets it', async () => {
    await using at = await world()
    await at.listener.start()
    const heard: string[] = []
    let open = () => {}
    const gate = new Promise<void>((resolve) => {
      open = resolve
    })
    const unsubscribe = at.listener.handle(
      'leave/topic',
      async (message) => {
        await gate
        heard.push(textOf(message))
      },
      { concurrency: 2 },
    )
    await unsubscribe.ready
    for (let n = 0; n < 6; n++) await at.device.publish('leave/topic', `${n}`)
    const left = unsubscribe()
    open()
    await left
    expect(heard.toSorted()).toEqual(['0', '1', '2', '3', '4', '5'])
    await at.device.publish('leave/topic', 'too late')
    // The same topic again is a new subscription, and the message of before is not in it.
    const again: string[] = []
    await at.listener.handle('leave/topic', (message) => void again.push(textOf(message))).ready
    await at.device.publish('leave/topic', 'in time')
    await waitUntil('the message', () => again.length > 0)
    expect(again).toEqual(['in time'])
  })

  test('two handlers of one filter need names; filters are checked', async () => {
    await using at = await world()
    const heard: string[] = []
    at.listener.handle('twice', () => heard.push('first'))
    expect(() => at.listener.handle('twice', () => {})).toThrow(
      expect.objectContaining({ code: 'invalid_options' }),
    )
    at.listener.handle('twice', () => heard.push('second'), { name: 'second' })
    for (const filter of ['', 'a/#/b', 'a+', '$share/g/a'])
      expect(() => at.listener.handle(filter, () => {})).toThrow(
        expect.objectContaining({ code: 'invalid_topic' }),
      )
    await at.listener.start()
    await at.device.publish('twice', '')
    await waitUntil('both', () => heard.length === 2)
    expect(heard.toSorted()).toEqual(['first', 'second'])
  })

  test('a handler of a device topic takes nothing away from the hub', async () => {
    await using at = await world()
    at.hub.held.settleAtOnce()
    const heard: string[] = []
    at.listener.handle('things/station/+/data', (message) => void heard.push(textOf(message)))
    await at.listener.start()
    for (let n = 0; n < 20; n++) await at.device.publish('things/station/a/data', `${n}`)
    await waitUntil('all of them, twice', () => heard.length === 20 && at.hub.held.received.length === 20)
  })

  test('a handler that is not shared gets retained messages', async () => {
    await using at = await world()
    await at.device.publish('config/a', 'kept', { retain: true })
    const heard: [string, boolean | undefined][] = []
    at.listener.handle('config/#', (message) => void heard.push([textOf(message), message.retained]), {
      shared: false,
    })
    await at.listener.start()
    await waitUntil('the retained message', () => heard.length === 1)
    expect(heard).toEqual([['kept', true]])
  })
})
