import { command, type DeviceHubError, defineDeviceType, jsonCodec } from '@devicehub/core/definition'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { createCommands, type ReceivedCommand } from './commands.js'

const Valve = defineDeviceType('valve', {
  commands: {
    open: command({
      payload: z.object({ degrees: z.number().min(0).max(90), at: z.iso.datetime().optional() }),
    }),
    close: command(),
    tune: command({ payload: z.object({ gain: z.string().transform(Number) }) }),
  },
})

function setUp({ typed = true, maxRunning = 100 } = {}) {
  const errors: DeviceHubError[] = []
  const commands = createCommands({
    type: typed ? Valve : null,
    codec: jsonCodec,
    maxRunning,
    onError: (error) => errors.push(error),
  })
  const executed: ReceivedCommand[] = []
  const note = (received: ReceivedCommand) => void executed.push(received)
  const receive = (value: unknown, retained = false) =>
    commands.receive({
      payload:
        typeof value === 'string'
          ? new TextEncoder().encode(value)
          : jsonCodec.encode(value, { channel: 'cmd' }),
      retained,
      contentType: undefined,
    })
  return { commands, errors, executed, note, receive }
}

const expiry = (milliseconds: number) => new Date(Date.now() + milliseconds).toISOString()

test("gives the payload as the command's schema makes it", async () => {
  const { commands, executed, note, receive } = setUp()
  commands.handle('tune', note)
  receive({ command: 'tune', payload: { gain: '2.5' }, id: 'a' })
  await commands.idle()
  expect(executed).toEqual([{ command: 'tune', payload: { gain: 2.5 }, id: 'a', expiresAt: null }])
})

test.each([
  ['not JSON', '{', /cannot be read as json/],
  ['not an object', [1], /is not {"command"/],
  ['without a name', { payload: {} }, /is not {"command"/],
  [
    'unknown to the type',
    { command: 'explode' },
    /explode was not executed: valve has no such command; it has open, close, tune/,
  ],
  ['named like a method of objects', { command: 'toString' }, /valve has no such command/],
  [
    'with a wrong payload',
    { command: 'open', payload: { degrees: 91 } },
    /open was not executed: payload\.degrees: /,
  ],
  ['without its payload', { command: 'open' }, /open was not executed: payload: /],
  [
    'expired',
    { command: 'close', id: 'x', expires_at: expiry(-1000) },
    /close \(x\) was not executed: it expired at .* by the clock of this device/,
  ],
  ['with an expiry that is no time', { command: 'close', expires_at: 'soon' }, /expires_at/],
])('a command %s is not executed and reported', async (_, message, expected) => {
  const { commands, errors, executed, note, receive } = setUp()
  for (const name of ['open', 'close', 'tune']) commands.handle(name, note)
  receive(message)
  await commands.idle()
  expect(executed).toEqual([])
  expect(errors).toHaveLength(1)
  expect(errors[0]).toMatchObject({ code: 'invalid_payload', message: expect.stringMatching(expected) })
})

test('payloads do not get into errors: they may hold secrets', () => {
  const { commands, errors, note, receive } = setUp()
  commands.handle('open', note)
  receive({ command: 'open', payload: { degrees: 'hunter2' } })
  expect(JSON.stringify([errors[0]?.message, errors[0]?.details])).not.toContain('hunter2')
})

test.each([expiry(60_000), Date.now() + 60_000, Date.now() / 1000 + 60])(
  'a command that expires later is executed (%s)',
  async (expiresAt) => {
    const { commands, executed, note, receive } = setUp()
    commands.handle('close', note)
    receive({ command: 'close', expires_at: expiresAt })
    await commands.idle()
    expect(executed[0]?.expiresAt?.getTime()).toBeGreaterThan(Date.now())
  },
)

test('a retained command is not executed: it would be again at each reconnect', () => {
  const { commands, errors, executed, note, receive } = setUp()
  commands.handle('close', note)
  receive({ command: 'close' }, true)
  expect(executed).toEqual([])
  expect(errors[0]?.message).toMatch(/retained/)
})

test('a command without a handler is reported', () => {
  const { errors, receive } = setUp()
  receive({ command: 'close' })
  expect(errors[0]?.message).toMatch(/no handler is registered.*onCommand\('close'/)
})

test.each([
  [
    'throws',
    () => {
      throw new Error('stuck')
    },
  ],
  [
    'rejects',
    async () => {
      throw new Error('stuck')
    },
  ],
])('a handler that %s is reported and harms no other', async (_, failing) => {
  const { commands, errors, executed, note, receive } = setUp()
  commands.handle('open', failing)
  commands.handle('close', note)
  receive({ command: 'open', payload: { degrees: 1 }, id: 'a' })
  receive({ command: 'close' })
  await commands.idle()
  expect(errors.map(({ code, message }) => [code, message])).toEqual([
    ['handler_failed', 'the command open (a) failed: its handler failed: stuck'],
  ])
  expect(executed).toHaveLength(1)
})

test('invariant 5: past the bound of running handlers a command is reported and not executed', async () => {
  const { commands, errors, receive } = setUp({ maxRunning: 2 })
  let started = 0
  let finish = () => {}
  const finished = new Promise<void>((resolve) => {
    finish = resolve
  })
  commands.handle('close', () => {
    started++
    return finished
  })
  for (let i = 0; i < 5; i++) receive({ command: 'close' })
  finish()
  await commands.idle()
  expect(started).toBe(2)
  expect(errors.map(({ code }) => code)).toEqual(['handler_failed', 'handler_failed', 'handler_failed'])
  expect(errors[0]?.message).toMatch(/2 commands are running already/)
  receive({ command: 'close' })
  await commands.idle()
  expect(started).toBe(3)
})

test('one handler a command; it can be taken away and replaced', async () => {
  const { commands, executed, note, receive } = setUp()
  const remove = commands.handle('close', () => {})
  expect(() => commands.handle('close', note)).toThrow(/has a handler already/)
  remove()
  commands.handle('close', note)
  remove()
  receive({ command: 'close' })
  await commands.idle()
  expect(executed).toHaveLength(1)
  expect(() => commands.handle('explode', note)).toThrow(/valve has no command 'explode'/)
})

test('without a type payloads come as they were sent', async () => {
  const { commands, executed, note, receive } = setUp({ typed: false })
  commands.handle('anything', note)
  receive({ command: 'anything', payload: [1, { a: null }] })
  await commands.idle()
  expect(executed[0]?.payload).toEqual([1, { a: null }])
})
