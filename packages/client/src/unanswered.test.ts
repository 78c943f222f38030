import { expect, test, vi } from 'vitest'
import type { Script } from './testing/scripted-broker.js'
import { connectValve } from './testing/valve.js'

const WAIT = { timeout: 60_000, interval: 5 }

const firstOnly: Script['onPublish'] = (_, connection) => (connection === 1 ? 'silence' : 0)

test.each([
  ['SUBACK', { granted: 'silence' }, /the subscriptions to things\/valve\/D-1\/cmd \(SUBACK\)/],
  [
    'PUBACK of the status',
    { onStatus: firstOnly },
    /the device's status on things\/valve\/D-1\/status \(PUBACK\)/,
  ],
] as const)(
  'a broker that owes the %s is left after ackTimeout for a new connection',
  async (_, script, what) => {
    await using it = await connectValve({ script, ackTimeout: '100ms' })
    await it.client.connect()
    expect(it.client.stats()).toMatchObject({ connections: 1, failedConnects: 1 })
    expect(it.broker.connections).toBe(2)
    expect(it.errors.map(({ code }) => code)).toEqual(['transport_unavailable'])
    expect(it.errors[0]?.message).toMatch(what)
    expect(it.errors[0]?.message).toMatch(/within 0\.1 s \(ackTimeout\)/)
  },
)

test('so it is after a reconnect: what was recorded meanwhile is sent', async () => {
  await using it = await connectValve({
    script: { onStatus: (_, connection) => (connection === 2 ? 'silence' : 0) },
    ackTimeout: '100ms',
  })
  await it.client.connect()
  it.broker.cut()
  await vi.waitFor(() => expect(it.broker.connections).toBe(3), WAIT)
  await it.client.reportStatus({ status: 'online' })
  expect(it.client.stats()).toMatchObject({ connections: 2, failedConnects: 1 })
})

test('a client whose status is never confirmed can be closed at once', async () => {
  await using it = await connectValve({ script: { onStatus: () => 'silence' }, ackTimeout: '1h' })
  const connected = it.client.connect()
  connected.catch(() => {})
  await vi.waitFor(() => expect(it.broker.packets.some(({ cmd }) => cmd === 'publish')).toBe(true), WAIT)
  await it.client.close()
  await expect(connected).rejects.toMatchObject({ code: 'closed' })
})
