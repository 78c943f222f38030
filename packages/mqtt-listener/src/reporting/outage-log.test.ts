import { startAedes, waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { ConnectionError } from '../connection/connection-error.js'
import { createMqttListener } from '../index.js'
import { createHeldHub } from '../testing/held-hub.js'
import { createOutageLog } from './outage-log.js'

test('while a broker is away there is a line for each attempt, without a stack, and one when it is back', async () => {
  const first = await startAedes()
  const { port } = first
  const hub = createHeldHub()
  const reconnect = { min: '20ms', max: '200ms', jitter: 0 } as const
  const url = `mqtt://127.0.0.1:${port}`
  const listener = createMqttListener(hub, { url, protocolVersion: 4, reconnect })
  listener.handle('plant/+/alarm', () => {})
  await listener.start()
  await first.close()
  const shown = () => hub.log.filter(({ level }) => level === 'warn' || level === 'error')
  const lines = () => shown().filter(({ message }) => message?.endsWith('trying again'))
  await waitUntil('several attempts', () => lines().length >= 5)
  await using _again = await startAedes({ port })
  await waitUntil('the listener to be back', () => listener.stats().state === 'connected')
  await waitUntil('its line', () =>
    shown().some(({ message }) => message === 'connected to the broker again'),
  )
  await listener.stop()

  // Of the three connections one tells, so that each pause is twice the one before.
  const pauses = lines().map(({ fields }) => (fields as { retryInMs: number }).retryInMs)
  expect(pauses.slice(0, 5)).toEqual([20, 40, 80, 160, 200])
  expect(new Set(lines().map(({ fields }) => (fields as { clientId: string }).clientId)).size).toBe(1)
  for (const { fields } of lines()) expect(fields).not.toHaveProperty('err')
  expect(shown().filter(({ message }) => message === 'connected to the broker again')).toHaveLength(1)
})

test('the fault of one connection is logged while another logs the outage', () => {
  const lines: string[] = []
  const write = (_fields: object, message?: string) => void lines.push(message ?? '')
  const logger = { error: write, warn: write, info() {}, debug() {} }
  const reconnect = { min: 1, max: 10, jitter: 0 }
  const log = createOutageLog(logger, { name: 'a', url: 'mqtt://a', reconnect })
  const [publisher, session] = [log.of('a-publisher', 'warn'), log.of('a', 'error')]
  publisher.failed(new ConnectionError('the broker closed the connection'), 1_000)
  session.failed(new ConnectionError('the broker closed the connection'), 1_000)
  expect(lines).toEqual(['the broker closed the connection; trying again'])
  session.failed(new ConnectionError('the client id is used twice', { waitsLongest: true }), 10_000)
  expect(lines[1]).toBe('the client id is used twice; trying again')
})
