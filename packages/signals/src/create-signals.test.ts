import { getEventListeners } from 'node:events'
import { expect, test } from 'vitest'
import { createSignals } from './create-signals.js'
import { connectedOf, Door, dataOf, keepingLogger, Outdoor, WeatherStation } from './testing/stations.js'

const turn = () => new Promise<void>((resolve) => setImmediate(resolve))

test('a handler hears of every event of its signal, in order, and of no other signal', () => {
  const signals = createSignals()
  const seen: unknown[] = []
  signals.on('deviceDataReceived', ({ readings }) => seen.push(readings))
  signals.emit('deviceDataReceived', dataOf(WeatherStation, { temperature: 1 }))
  signals.emit('deviceConnected', connectedOf(WeatherStation))
  signals.emit('deviceDataReceived', dataOf(Door, { open: true }))
  expect(seen).toEqual([{ temperature: 1 }, { open: true }])
})

test('with a type only events of that type arrive', () => {
  const signals = createSignals()
  const seen: unknown[] = []
  signals.on('deviceDataReceived', WeatherStation, ({ readings }) => seen.push(readings.humidity))
  signals.emit('deviceDataReceived', dataOf(Door, { humidity: 1 }))
  signals.emit('deviceDataReceived', dataOf(WeatherStation, { humidity: 2 }))
  expect(seen).toEqual([2])
})

test('with a parent events of the types that extend it arrive as well, but not the other way round', () => {
  const signals = createSignals()
  const seen: string[] = []
  signals.on('deviceDataReceived', Outdoor, ({ type }) => seen.push(type.name))
  signals.emit('deviceDataReceived', dataOf(WeatherStation))
  signals.emit('deviceDataReceived', dataOf(Door))
  expect(seen).toEqual(['weather_station'])
  const ofChild: string[] = []
  signals.on('deviceDataReceived', WeatherStation, ({ type }) => ofChild.push(type.name))
  signals.emit('deviceDataReceived', dataOf(Outdoor))
  expect(ofChild).toEqual([])
})

test('two copies of a type are one type', () => {
  const signals = createSignals()
  let calls = 0
  signals.on('deviceConnected', WeatherStation, () => calls++)
  signals.emit('deviceConnected', connectedOf({ ...WeatherStation }))
  expect(calls).toBe(1)
})

test('once: one call, for the first event that fits', () => {
  const signals = createSignals()
  const seen: unknown[] = []
  signals.once('deviceDataReceived', Door, ({ readings }) => seen.push(readings.open))
  signals.emit('deviceDataReceived', dataOf(WeatherStation))
  signals.emit('deviceDataReceived', dataOf(Door, { open: true }))
  signals.emit('deviceDataReceived', dataOf(Door, { open: false }))
  expect(seen).toEqual([true])
  expect(signals.hasSubscribers('deviceDataReceived')).toBe(false)
})

test('a once handler that emits the same signal is not called again', () => {
  const signals = createSignals()
  let calls = 0
  signals.once('deviceConnected', () => {
    if (++calls < 5) signals.emit('deviceConnected', connectedOf(Door))
  })
  signals.emit('deviceConnected', connectedOf(Door))
  expect(calls).toBe(1)
})

test('a subscription ends by its function, by using, by off and by a signal', () => {
  const signals = createSignals()
  let calls = 0
  const handler = () => calls++
  const emit = () => signals.emit('deviceConnected', connectedOf(Door))

  const unsubscribe = signals.on('deviceConnected', handler)
  emit()
  unsubscribe()
  unsubscribe()
  emit()
  expect(calls).toBe(1)
  {
    using _ = signals.on('deviceConnected', handler)
    emit()
  }
  emit()
  expect(calls).toBe(2)

  const controller = new AbortController()
  signals.on('deviceConnected', handler, { signal: controller.signal })
  signals.on('deviceConnected', Door, handler, { signal: controller.signal })
  emit()
  controller.abort()
  emit()
  expect(calls).toBe(4)
  signals.on('deviceConnected', handler, { signal: controller.signal })
  emit()
  expect(calls).toBe(4)
  expect(signals.hasSubscribers('deviceConnected')).toBe(false)
})

test('off ends every subscription of the handler, or only those to the type', () => {
  const signals = createSignals()
  let calls = 0
  const handler = () => calls++
  signals.on('deviceConnected', handler)
  signals.on('deviceConnected', Door, handler)
  signals.on('deviceConnected', WeatherStation, handler)
  expect(signals.off('deviceConnected', Door, handler)).toBe(true)
  signals.emit('deviceConnected', connectedOf(Door))
  expect(calls).toBe(1)
  expect(signals.off('deviceConnected', handler)).toBe(true)
  expect(signals.off('deviceConnected', handler)).toBe(false)
  expect(signals.off('deviceDisconnected', handler)).toBe(false)
  signals.emit('deviceConnected', connectedOf(WeatherStation))
  expect(calls).toBe(1)
})

test('a handler that another one has just removed is not called any more', () => {
  const signals = createSignals()
  const seen: string[] = []
  let removeSecond = () => {}
  signals.on('deviceConnected', () => {
    seen.push('first')
    removeSecond()
  })
  removeSecond = signals.on('deviceConnected', () => seen.push('second'))
  signals.emit('deviceConnected', connectedOf(Door))
  expect(seen).toEqual(['first'])
})

test('ended subscriptions leave nothing at the abort signal', () => {
  const signals = createSignals()
  const { signal } = new AbortController()
  for (let i = 0; i < 100; i++) signals.on('deviceConnected', () => {}, { signal })()
  for (let i = 0; i < 100; i++) void signals.iterate('deviceConnected', { signal }).return()
  expect(getEventListeners(signal, 'abort')).toHaveLength(0)
})

test('invariant 6: a handler that throws, rejects or hangs harms neither the emitter nor other handlers', async () => {
  const { logger, lines } = keepingLogger()
  const signals = createSignals({ logger })
  const seen: number[] = []
  signals.on('deviceConnected', function throws() {
    throw new Error('boom')
  })
  signals.on('deviceConnected', async function rejects() {
    throw new Error('later')
  })
  signals.on('deviceConnected', () => new Promise(() => {}), { label: 'hangs' })
  signals.on('deviceConnected', () => seen.push(seen.length))
  for (let i = 0; i < 3; i++) signals.emit('deviceConnected', connectedOf(Door))
  await turn()
  expect(seen).toEqual([0, 1, 2])
  const stats = signals.stats()
  expect(stats).toMatchObject({ errors: 6, dropped: 0, pending: 3 })
  expect(stats.emitted.deviceConnected).toBe(3)
  expect(stats.handlers.map(({ label, errors, pending }) => ({ label, errors, pending }))).toEqual([
    { label: 'throws', errors: 3, pending: 0 },
    { label: 'rejects', errors: 3, pending: 0 },
    { label: 'hangs', errors: 0, pending: 3 },
    { label: 'anonymous', errors: 0, pending: 0 },
  ])
  expect(lines.filter(({ level }) => level === 'error').map(({ message }) => message)).toContain(
    'the handler deviceConnected throws threw: boom',
  )
})

test('invariant 5: a handler has a bound of pending promises, others go on', async () => {
  const { logger, lines } = keepingLogger()
  const signals = createSignals({ logger, maxPending: 10 })
  let calls = 0
  let others = 0
  signals.on('deviceDataReceived', Door, () => {
    calls++
    return new Promise(() => {})
  })
  signals.on('deviceDataReceived', Door, () => others++)
  for (let i = 0; i < 1000; i++) signals.emit('deviceDataReceived', dataOf(Door))
  expect({ calls, others }).toEqual({ calls: 10, others: 1000 })
  expect(signals.stats()).toMatchObject({ dropped: 990, pending: 10 })
  expect(lines).toHaveLength(1)
  expect(lines[0]?.message).toMatch(/deviceDataReceived\(door\) anonymous has 10 calls pending/)
})

test('a handler sets bounds of its own', () => {
  const signals = createSignals({ logger: keepingLogger().logger, maxPending: 10 })
  signals.on('deviceConnected', () => new Promise(() => {}), { maxPending: 2 })
  for (let i = 0; i < 5; i++) signals.emit('deviceConnected', connectedOf(Door))
  expect(signals.stats()).toMatchObject({ pending: 2, dropped: 3 })
})

test('counts outlive the subscriptions they belong to', async () => {
  const signals = createSignals({ logger: keepingLogger().logger })
  let fail = () => {}
  const late = new Promise<void>((_, reject) => {
    fail = () => reject(new Error('late'))
  })
  const unsubscribe = [
    signals.on('deviceConnected', () => {
      throw new Error('boom')
    }),
    signals.on('deviceConnected', () => late),
  ]
  signals.emit('deviceConnected', connectedOf(Door))
  for (const end of unsubscribe) end()
  expect(signals.stats()).toMatchObject({ errors: 1, pending: 1, handlers: [] })
  fail()
  await turn()
  expect(signals.stats()).toMatchObject({ errors: 2, pending: 0 })
})

test('two instances know nothing of each other', () => {
  const [one, two] = [createSignals(), createSignals()]
  let calls = 0
  one.on('deviceConnected', () => calls++)
  two.emit('deviceConnected', connectedOf(Door))
  expect(calls).toBe(0)
  expect(two.hasSubscribers('deviceConnected')).toBe(false)
  expect(one.stats().emitted.deviceConnected).toBe(0)
})

test('hasSubscribers says whether an event is worth making', () => {
  const signals = createSignals()
  expect(signals.hasSubscribers('deviceConnected')).toBe(false)
  const unsubscribe = signals.on('deviceConnected', () => {})
  expect(signals.hasSubscribers('deviceConnected')).toBe(true)
  expect(signals.hasSubscribers('deviceDisconnected')).toBe(false)
  unsubscribe()
  const iterator = signals.iterate('deviceConnected')
  expect(signals.hasSubscribers('deviceConnected')).toBe(true)
  void iterator.return()
  expect(signals.hasSubscribers('deviceConnected')).toBe(false)
})

test('invariant 9: close waits for pending handlers, then nothing is called and nothing can be subscribed', async () => {
  const signals = createSignals()
  const order: string[] = []
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  signals.on('deviceConnected', async () => {
    order.push('called')
    await finished
    order.push('done')
  })
  signals.emit('deviceConnected', connectedOf(Door))
  const closing = signals.close().then(() => order.push('closed'))
  signals.emit('deviceConnected', connectedOf(Door))
  await turn()
  expect(order).toEqual(['called'])
  finish()
  await closing
  expect(order).toEqual(['called', 'done', 'closed'])
  expect(() => signals.on('deviceConnected', () => {})).toThrow(expect.objectContaining({ code: 'closed' }))
  expect(() => signals.iterate('deviceConnected')).toThrow(expect.objectContaining({ code: 'closed' }))
  await signals.close()
})

test('invariant 9: close does not wait for ever', async () => {
  const { logger, lines } = keepingLogger()
  const signals = createSignals({ logger })
  signals.on('deviceConnected', () => new Promise(() => {}))
  signals.emit('deviceConnected', connectedOf(Door))
  await signals.close({ timeout: '10ms' })
  expect(lines.map(({ message }) => message)).toEqual([
    'the signals closed while 1 calls of handlers were pending',
  ])
})

test('a handler that is no function is refused', () => {
  const signals = createSignals()
  expect(() => signals.on('deviceConnected', undefined as unknown as () => void)).toThrow(
    expect.objectContaining({ code: 'invalid_options' }),
  )
})
