import { createBackoff } from '@devicehub/core/transport'
import { expect, onTestFinished, test, vi } from 'vitest'
import type { BrokerConnection, ConnectionLoss } from './broker-connection.js'
import { createConnector } from './connector.js'

/** The pauses asked for after connections of a minute, by whether the broker confirmed anything on them. */
async function pauses(isSuspect: boolean): Promise<number> {
  const now = vi.spyOn(performance, 'now')
  onTestFinished(() => now.mockRestore())
  let time = 0
  now.mockImplementation(() => time)
  const backoff = createBackoff({ min: '1ms', max: '5ms' })
  let ends = 0
  const connector = createConnector({
    open: async (onLost: (loss: ConnectionLoss) => void) => {
      setImmediate(() => {
        time += 60_000
        onLost({ disconnect: null, error: null })
      })
      return { destroy() {} } as BrokerConnection
    },
    prepare: async () => {},
    prepareTimeoutMs: 1000,
    isSuspect: () => isSuspect,
    onUp() {},
    onDown: () => void ends++,
    onError() {},
    backoff,
    place: 'the broker',
    clientId: 'c',
  })
  await connector.start()
  await vi.waitFor(() => expect(ends).toBeGreaterThan(5))
  connector.stop()
  return backoff.attempts
}

test('the pauses grow while the broker confirms nothing, however long each connection lasts', async () => {
  expect(await pauses(true)).toBeGreaterThan(4)
  expect(await pauses(false)).toBeLessThan(2)
})
