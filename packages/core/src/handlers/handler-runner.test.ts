import { recordUnhandledRejections } from '@devicehub-internal/support/unhandled-rejections'
import { afterEach, expect, test, vi } from 'vitest'
import type { Logger } from '../ports/logger.js'
import { createHandlerRunner, type HandlerRunnerOptions } from './handler-runner.js'

const unhandled = recordUnhandledRejections()

interface Line {
  readonly level: string
  readonly fields: Record<string, unknown>
  readonly message: string
}

function setUp(options: Partial<HandlerRunnerOptions> = {}) {
  const lines: Line[] = []
  const counted: Record<string, number> = {}
  const at = (level: string) => (fields: object, message?: string) =>
    void lines.push({ level, fields: fields as Record<string, unknown>, message: message ?? '' })
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  const metrics = {
    count(name: string, by = 1, labels: Readonly<Record<string, string>> = {}) {
      const key = `${name}{${labels.handler}}`
      counted[key] = (counted[key] ?? 0) + by
    },
    gauge() {},
    observe() {},
  }
  const runner = createHandlerRunner({ name: 'onData', logger, metrics, ...options })
  return { runner, lines, counted, logger, metrics }
}

/** A promise that is settled from outside. */
function gate() {
  let open = () => {}
  const promise = new Promise<void>((resolve) => {
    open = resolve
  })
  return { promise, open: () => open() }
}

afterEach(() => vi.useRealTimers())

test('runs the handler, with its event if there is one', () => {
  const { runner } = setUp()
  const seen: unknown[] = []
  runner.run(() => seen.push('plain'))
  runner.run((event) => seen.push(event), 42)
  expect(seen).toEqual(['plain', 42])
})

test('invariant 6: a handler that throws harms nobody, its error is logged and counted', () => {
  const { runner, lines, counted } = setUp()
  const failure = new Error('boom')
  runner.run(() => {
    throw failure
  })
  expect(runner.stats()).toEqual({ errors: 1, dropped: 0, pending: 0 })
  expect(lines).toEqual([
    {
      level: 'error',
      fields: { handler: 'onData', err: failure, suppressed: 0 },
      message: 'the handler onData threw: boom',
    },
  ])
  expect(counted).toEqual({ 'devicehub_handler_errors_total{onData}': 1 })
})

test('invariant 6: a handler that rejects is logged and counted, and leaves no unhandled rejection', async () => {
  const { runner, lines } = setUp()
  runner.run(async () => {
    throw new Error('later')
  })
  await runner.idle()
  expect(await unhandled.reasons()).toEqual([])
  expect(runner.stats()).toEqual({ errors: 1, dropped: 0, pending: 0 })
  expect(lines.map((line) => line.message)).toEqual(['the handler onData rejected: later'])
})

test('a value that is not an error and a thenable that throws are contained as well', async () => {
  const { runner, lines } = setUp()
  runner.run(() => {
    throw 'text'
  })
  runner.run(() => ({
    // biome-ignore lint/suspicious/noThenProperty: a hostile thenable is what this test is about
    then() {
      throw new Error('in then')
    },
  }))
  runner.run(() => ({
    // biome-ignore lint/suspicious/noThenProperty: as above
    get then() {
      throw new Error('in the getter')
    },
  }))
  await runner.idle()
  expect(runner.stats()).toEqual({ errors: 3, dropped: 0, pending: 0 })
  expect(lines.map((line) => line.message)).toEqual([
    'the handler onData threw: text',
    'the handler onData threw: in the getter',
    'the handler onData rejected: in then',
  ])
})

test('invariant 5: past the bound of pending promises calls are dropped and counted, and logged once a burst', async () => {
  const { runner, lines, counted } = setUp({ maxPending: 10 })
  const gates = Array.from({ length: 10 }, gate)
  for (const { promise } of gates) runner.run(() => promise)
  let calls = 0
  for (let i = 0; i < 500; i++) runner.run(() => calls++)
  expect(calls).toBe(0)
  expect(runner.stats()).toEqual({ errors: 0, dropped: 500, pending: 10 })
  expect(counted).toEqual({ 'devicehub_handler_dropped_total{onData}': 500 })
  expect(lines).toHaveLength(1)
  expect(lines[0]?.message).toMatch(/onData has 10 calls pending/)

  for (const { open } of gates) open()
  await runner.idle()
  expect(lines).toHaveLength(2)
  expect(lines[1]).toMatchObject({ level: 'warn', fields: { handler: 'onData', dropped: 500 } })
  runner.run(() => calls++)
  expect(calls).toBe(1)
})

test('a burst ends when half are done: a handler at its bound does not log a line for each call', async () => {
  const { runner, lines } = setUp({ maxPending: 4 })
  const gates = Array.from({ length: 4 }, gate)
  for (const { promise } of gates) runner.run(() => promise)
  let calls = 0
  for (const [index, { open }] of gates.entries()) {
    runner.run(() => calls++)
    open()
    await new Promise((resolve) => setImmediate(resolve))
    expect(runner.stats().pending).toBe(3 - index)
  }
  // Two dropped while above half, two called after.
  expect(calls).toBe(2)
  expect(runner.stats().dropped).toBe(2)
  expect(lines).toHaveLength(2)
})

test('invariant 6: a handler that hangs is reported after the timeout and keeps its place', async () => {
  vi.useFakeTimers()
  const { runner, lines } = setUp({ timeout: '1s', maxPending: 1 })
  const { promise, open } = gate()
  runner.run(() => promise)
  await vi.advanceTimersByTimeAsync(999)
  expect(runner.stats().errors).toBe(0)
  await vi.advanceTimersByTimeAsync(1)
  expect(runner.stats()).toEqual({ errors: 1, dropped: 0, pending: 1 })
  expect(lines[0]?.message).toMatch(/takes too long: not done after 1000 ms/)
  expect(lines[0]?.fields.err).toMatchObject({ code: 'handler_failed' })
  open()
  await runner.idle()
  expect(runner.stats()).toEqual({ errors: 1, dropped: 0, pending: 0 })
})

test('a handler that is done in time leaves no timer behind', async () => {
  vi.useFakeTimers()
  const { runner } = setUp({ timeout: '1s' })
  runner.run(async () => {})
  await runner.idle()
  expect(vi.getTimerCount()).toBe(0)
})

test('a handler that always fails is counted each time and logged in bounds', () => {
  vi.useFakeTimers()
  const { runner, lines } = setUp()
  const fail = () => {
    throw new Error('again')
  }
  for (let i = 0; i < 5000; i++) runner.run(fail)
  expect(runner.stats().errors).toBe(5000)
  expect(lines).toHaveLength(10)
  vi.advanceTimersByTime(10_000)
  runner.run(fail)
  expect(lines).toHaveLength(11)
  expect(lines[10]?.fields.suppressed).toBe(4990)
})

test('a logger and metrics that throw harm nobody', () => {
  const broken = () => {
    throw new Error('no disk')
  }
  const { runner } = setUp({
    logger: { debug: broken, info: broken, warn: broken, error: broken },
    metrics: { count: broken, gauge: broken, observe: broken },
    maxPending: 1,
  })
  runner.run(() => {
    throw new Error('boom')
  })
  runner.run(() => new Promise(() => {}))
  runner.run(() => {})
  expect(runner.stats()).toEqual({ errors: 1, dropped: 1, pending: 1 })
})

test('what cannot even be made a text harms nobody', async () => {
  const { runner } = setUp()
  const unspeakable = Object.create(null)
  runner.run(() => {
    throw unspeakable
  })
  runner.run(() => Promise.reject(unspeakable))
  await runner.idle()
  expect(runner.stats().errors).toBe(2)
})

test('a bound below one is refused', () => {
  expect(() => setUp({ maxPending: 0 })).toThrow(/maxPending must be a number from 1 up/)
})
