import { expect, test } from 'vitest'
import { createSignals } from './create-signals.js'
import { Door, dataOf, keepingLogger, WeatherStation } from './testing/stations.js'

const emit = (signals: ReturnType<typeof createSignals>, ...values: number[]) => {
  for (const value of values) signals.emit('deviceDataReceived', dataOf(Door, { value }))
}

test('events arrive in order, those before the loop began included', async () => {
  const signals = createSignals()
  const events = signals.iterate('deviceDataReceived')
  emit(signals, 1, 2)
  const seen: unknown[] = []
  for await (const { readings } of events) {
    seen.push(readings.value)
    if (seen.length === 2) queueMicrotask(() => emit(signals, 3))
    if (seen.length === 3) break
  }
  expect(seen).toEqual([1, 2, 3])
  expect(signals.hasSubscribers('deviceDataReceived')).toBe(false)
})

test('with a type only its events arrive', async () => {
  const signals = createSignals()
  const events = signals.iterate('deviceDataReceived', WeatherStation)
  emit(signals, 1)
  signals.emit('deviceDataReceived', dataOf(WeatherStation, { humidity: 2 }))
  expect((await events.next()).value?.readings.humidity).toBe(2)
  expect(events.queued).toBe(0)
  await events.return()
})

test('invariant 5: past `maxQueued` the oldest are dropped, counted and logged once a burst', async () => {
  const { logger, lines } = keepingLogger()
  const counted: unknown[] = []
  const metrics = { count: (...call: unknown[]) => counted.push(call), gauge() {}, observe() {} }
  const signals = createSignals({ logger, metrics })
  const events = signals.iterate('deviceDataReceived', { maxQueued: 3 })
  emit(signals, 1, 2, 3, 4, 5, 6, 7)
  expect(events.dropped).toBe(4)
  expect(signals.stats().dropped).toBe(4)
  expect(counted).toHaveLength(4)
  expect(lines).toHaveLength(1)
  const value = async () => (await events.next()).value?.readings.value
  expect([await value(), await value(), await value()]).toEqual([5, 6, 7])
  emit(signals, 8, 9, 10, 11, 12)
  expect(events.dropped).toBe(6)
  expect(lines).toHaveLength(2)
  expect([await value(), await value(), await value()]).toEqual([10, 11, 12])
  await events.return()
})

test('a logger that throws loses no event', async () => {
  const broken = () => {
    throw new Error('no disk')
  }
  const signals = createSignals({ logger: { debug: broken, info: broken, warn: broken, error: broken } })
  const events = signals.iterate('deviceDataReceived', { maxQueued: 2 })
  emit(signals, 1, 2, 3)
  expect((await events.next()).value?.readings.value).toBe(2)
  expect((await events.next()).value?.readings.value).toBe(3)
  await events.return()
})

test('the signal ends the loop at once', async () => {
  const signals = createSignals()
  const controller = new AbortController()
  const seen: unknown[] = []
  const loop = (async () => {
    for await (const { readings } of signals.iterate('deviceDataReceived', { signal: controller.signal })) {
      seen.push(readings.value)
      if (seen.length === 1) controller.abort()
    }
  })()
  emit(signals, 1, 2, 3)
  await loop
  expect(seen).toEqual([1])
  expect(signals.hasSubscribers('deviceDataReceived')).toBe(false)
  for await (const _ of signals.iterate('deviceDataReceived', { signal: controller.signal }))
    expect.unreachable()
})

test('the signal ends a loop that waits', async () => {
  const signals = createSignals()
  const controller = new AbortController()
  const events = signals.iterate('deviceDataReceived', { signal: controller.signal })
  const next = events.next()
  controller.abort()
  expect(await next).toEqual({ done: true, value: undefined })
})

test('invariant 9: closing the signals delivers what waits, then ends the loop', async () => {
  const signals = createSignals()
  const events = signals.iterate('deviceDataReceived')
  emit(signals, 1, 2)
  await signals.close()
  const seen: unknown[] = []
  for await (const { readings } of events) seen.push(readings.value)
  expect(seen).toEqual([1, 2])
})

test('await using ends it', async () => {
  const signals = createSignals()
  {
    await using events = signals.iterate('deviceDataReceived')
    emit(signals, 1)
    expect(events.queued).toBe(1)
  }
  expect(signals.hasSubscribers('deviceDataReceived')).toBe(false)
})

test('readers that wait side by side get one event each', async () => {
  const signals = createSignals()
  const events = signals.iterate('deviceDataReceived')
  const both = Promise.all([events.next(), events.next()])
  emit(signals, 1, 2)
  expect((await both).map(({ value }) => value?.readings.value)).toEqual([1, 2])
  await events.return()
})

test('a `maxQueued` below one is refused, and leaves no subscription behind', () => {
  const signals = createSignals()
  expect(() => signals.iterate('deviceDataReceived', { maxQueued: 0 })).toThrow(
    /maxQueued must be a whole number from 1 up/,
  )
  expect(signals.hasSubscribers('deviceDataReceived')).toBe(false)
})
