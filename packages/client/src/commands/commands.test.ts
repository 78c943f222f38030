import { expect, test, vi } from 'vitest'
import { connectValve, expiry, gate } from '../testing/valve.js'

const WAIT = { timeout: 60_000, interval: 5 }

test("the handler gets the payload as the command's schema makes it, and what else the command says", async () => {
  await using it = await connectValve()
  const got = vi.fn()
  it.client.onCommand('tune', (...all) => void got(...all))
  it.client.onCommand('close', (...all) => void got(...all))
  await it.client.connect()
  it.send({ command: 'tune', payload: { gain: '2.5' }, id: 'a', expires_at: 32_503_680_000 })
  it.send({ command: 'close', payload: { ignored: true }, id: 'b' })
  await expect.poll(() => got.mock.calls, WAIT).toHaveLength(2)
  const signal = expect.any(AbortSignal)
  expect(got.mock.calls).toEqual([
    [{ gain: 2.5 }, { command: 'tune', id: 'a', expiresAt: new Date('3000-01-01T00:00:00Z'), signal }],
    [undefined, { command: 'close', id: 'b', expiresAt: null, signal }],
  ])
})

test.each<[string, unknown, string | null, RegExp]>([
  ['not JSON', '{', null, /cannot be read as json/],
  ['not an object', [1], null, /is not {"command"/],
  ['without a name', { payload: {}, id: 'x' }, null, /is not {"command"/],
  [
    'unknown to the type',
    { command: 'explode', id: 'x' },
    'explode',
    /valve has no such command; it has open, close/,
  ],
  [
    'named like a method of objects',
    { command: 'toString', id: 'x' },
    'toString',
    /valve has no such command/,
  ],
  [
    'with a wrong payload',
    { command: 'open', payload: { degrees: 91 }, id: 'x' },
    'open',
    /payload\.degrees: /,
  ],
  ['without its payload', { command: 'open', id: 'x' }, 'open', /payload: /],
  [
    'expired',
    { command: 'close', id: 'x', expires_at: expiry(-1000) },
    'close',
    /expired at .* by the clock of this device/,
  ],
  [
    'with an expiry that is no time',
    { command: 'close', id: 'x', expires_at: 'soon' },
    'close',
    /expires_at/,
  ],
  ['without a handler', { command: 'measure', id: 'x' }, 'measure', /no handler is registered/],
])(
  'a command %s is not executed, reported, and rejected where it can be',
  async (_, message, name, expected) => {
    await using it = await connectValve()
    for (const each of ['open', 'close', 'tune'] as const) it.client.onCommand(each, it.note(each))
    await it.client.connect()
    it.send(message)
    await expect.poll(() => it.errors.length, WAIT).toBe(1)
    expect(it.errors[0]).toMatchObject({ code: 'invalid_payload', message: expect.stringMatching(expected) })
    if (name === null) {
      it.send({ command: 'close', id: 'behind' })
      await expect.poll(() => it.replies().map(({ id }) => id), WAIT).toEqual(['behind'])
      return
    }
    await expect.poll(() => it.replies().length, WAIT).toBe(1)
    const [reply] = it.replies()
    expect(reply).toEqual({
      id: 'x',
      command: name,
      status: 'rejected',
      error: expect.stringMatching(expected),
    })
    if (name === 'close' && reply?.error?.includes('clock')) expect(reply.error).toMatch(/^expired/)
    expect(it.executed).toEqual([])
  },
)

test('payloads do not get into errors and replies: they may hold secrets', async () => {
  await using it = await connectValve()
  it.client.onCommand('open', it.note('open'))
  await it.client.connect()
  it.send({ command: 'open', payload: { degrees: 'hunter2' }, id: 'a' })
  await expect.poll(() => it.replies().length, WAIT).toBe(1)
  const said = [it.errors[0]?.message, it.errors[0]?.details, it.replies()]
  expect(JSON.stringify(said)).not.toContain('hunter2')
})

test.each([expiry(60_000), Date.now() + 60_000, Date.now() / 1000 + 60])(
  'a command that expires later is executed (%s)',
  async (expiresAt) => {
    await using it = await connectValve()
    it.client.onCommand('close', it.note('close'))
    await it.client.connect()
    it.send({ command: 'close', expires_at: expiresAt })
    await expect.poll(() => it.executed, WAIT).toHaveLength(1)
  },
)

test('a retained command is not executed and not answered: it would be again at each reconnect', async () => {
  await using it = await connectValve()
  it.client.onCommand('close', it.note('close'))
  await it.client.connect()
  it.send({ command: 'close', id: 'old' }, { retain: true })
  it.send({ command: 'close', id: 'new' })
  await expect.poll(() => it.replies().length, WAIT).toBe(1)
  expect(it.replies().map(({ id }) => id)).toEqual(['new'])
  expect(it.executed.map(({ id }) => id)).toEqual(['new'])
  expect(it.errors[0]?.message).toMatch(/retained/)
})

test('a command without an id is executed each time, without a reply', async () => {
  await using it = await connectValve()
  it.client.onCommand('close', it.note('close'))
  await it.client.connect()
  for (const id of [undefined, '', 7, 'x'.repeat(129)]) it.send({ command: 'close', id })
  it.send({ command: 'explode' })
  it.send({ command: 'close', id: 'x'.repeat(128) })
  await expect.poll(() => it.replies().length, WAIT).toBe(1)
  expect(it.executed.map(({ id }) => id)).toEqual([null, null, null, null, 'x'.repeat(128)])
  expect(it.errors).toHaveLength(1)
})

test('invariant 5: past the bound of running handlers a command is rejected and not executed', async () => {
  await using it = await connectValve({ maxPendingCommands: 2 })
  const { open, passed } = gate()
  let started = 0
  it.client.onCommand('close', async () => {
    started++
    await passed
  })
  await it.client.connect()
  for (let i = 0; i < 5; i++) it.send({ command: 'close', id: `c-${i}` })
  await expect.poll(() => it.replies().filter(({ status }) => status === 'rejected').length, WAIT).toBe(3)
  expect(it.replies().find(({ status }) => status === 'rejected')).toEqual({
    id: 'c-2',
    command: 'close',
    status: 'rejected',
    error: '2 commands are running already (maxPendingCommands)',
  })
  expect(it.errors.map(({ code }) => code)).toEqual(['handler_failed', 'handler_failed', 'handler_failed'])
  open()
  await expect.poll(() => it.replies().filter(({ status }) => status === 'succeeded').length, WAIT).toBe(2)
  it.send({ command: 'close', id: 'later' })
  await expect.poll(() => it.replies().at(-1), WAIT).toMatchObject({ id: 'later', status: 'succeeded' })
  expect(started).toBe(3)
})

test('one handler per command; it can be removed and replaced', async () => {
  await using it = await connectValve()
  const remove = it.client.onCommand('close', () => {})
  expect(() => it.client.onCommand('close', () => {})).toThrow(/has a handler already/)
  remove()
  it.client.onCommand('close', it.note('close'))
  remove()
  await it.client.connect()
  it.send({ command: 'close', id: 'a' })
  await expect.poll(() => it.executed, WAIT).toHaveLength(1)
  expect(() => it.client.onCommand('explode' as 'close', () => {})).toThrow(/valve has no command 'explode'/)
})

test('the same id again while its handler runs: it is not called again; afterwards the same reply is sent again', async () => {
  await using it = await connectValve()
  const { open, passed } = gate()
  let calls = 0
  it.client.onCommand('close', async () => {
    await passed
    return ++calls
  })
  await it.client.connect()
  it.send({ command: 'close', id: 'a' })
  it.send({ command: 'close', id: 'a' }, { dup: true })
  await expect.poll(() => it.replies().map(({ status }) => status), WAIT).toEqual(['accepted', 'accepted'])
  open()
  await expect.poll(() => it.replies().length, WAIT).toBe(3)
  await it.delivered()
  // It has expired meanwhile: what is finished is answered all the same.
  it.send({ command: 'close', id: 'a', expires_at: expiry(-1000) })
  await expect.poll(() => it.replies().length, WAIT).toBe(4)
  const final = { id: 'a', command: 'close', status: 'succeeded', result: 1 }
  expect(it.replies().slice(2)).toEqual([final, final])
  expect(it.errors).toEqual([])
})

test('a command that was rejected stays rejected when it comes again', async () => {
  await using it = await connectValve()
  await it.client.connect()
  it.send({ command: 'close', id: 'a' })
  await expect.poll(() => it.replies().length, WAIT).toBe(1)
  await it.delivered()
  it.client.onCommand('close', it.note('close'))
  it.send({ command: 'close', id: 'a' })
  await expect.poll(() => it.replies().length, WAIT).toBe(2)
  expect(it.replies()[1]).toEqual(it.replies()[0])
  expect(it.executed).toEqual([])
})

test('invariant 5: only the last ids are remembered', async () => {
  await using it = await connectValve({ rememberedCommands: 3 })
  it.client.onCommand('close', it.note('close'))
  await it.client.connect()
  for (const id of ['a', 'b', 'c', 'd']) it.send({ command: 'close', id })
  await expect.poll(() => it.replies().length, WAIT).toBe(4)
  await it.delivered()
  for (const id of ['b', 'c', 'd', 'a']) it.send({ command: 'close', id })
  await expect.poll(() => it.replies().length, WAIT).toBe(8)
  expect(it.executed.map(({ id }) => id)).toEqual(['a', 'b', 'c', 'd', 'a'])
})

test('closing lets a handler finish, its reply included, and takes no more commands', async () => {
  await using it = await connectValve()
  const { open, passed } = gate()
  it.client.onCommand('close', async (_, { id }) => {
    it.note('close')(undefined, { id })
    await passed
    return 'done'
  })
  await it.client.connect()
  const first = it.send({ command: 'close', id: 'a' })
  await expect.poll(() => it.executed, WAIT).toHaveLength(1)
  const closed = it.client.close({ timeout: '1m' })
  const second = it.send({ command: 'close', id: 'b' })
  const third = it.send({}, { channel: 'desired', payload: '' })
  // The one behind it was read, so it was as well.
  await expect.poll(it.acknowledged, WAIT).toEqual([first, third])
  open()
  await closed
  expect(it.replies().at(-1)).toEqual({ id: 'a', command: 'close', status: 'succeeded', result: 'done' })
  expect(it.executed.map(({ id }) => id)).toEqual(['a'])
  expect(it.acknowledged()).not.toContain(second)
})

test('the signal of a handler that takes longer than close() waits is aborted', async () => {
  await using it = await connectValve()
  let reason: unknown
  it.client.onCommand('close', (_, { signal }) => {
    return new Promise<void>((_resolve, reject) =>
      signal.addEventListener('abort', () => {
        reason = signal.reason
        reject(signal.reason)
      }),
    )
  })
  await it.client.connect()
  it.send({ command: 'close', id: 'a' })
  await expect.poll(() => it.replies().length, WAIT).toBe(1)
  await it.client.close({ timeout: '50ms' })
  expect(reason).toMatchObject({ code: 'closed' })
  expect(it.errors).toEqual([])
  expect(it.replies()).toHaveLength(1)
})
