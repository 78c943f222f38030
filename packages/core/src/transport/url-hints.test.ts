import { expect, test } from 'vitest'
import { closedUnanswered } from './reason-codes.js'

const hangUp = Object.assign(new Error('socket hang up'), { code: 'ECONNRESET' })

test.each([
  ['ws:// to a TCP port', 'ws://localhost:1883', hangUp, /no WebSocket: use mqtt:\/\//],
  [
    'wss:// to a port that closes',
    'wss://localhost:8883',
    hangUp,
    /no WebSocket: use mqtt:\/\/ or mqtts:\/\//,
  ],
  ['ws:// without the path', 'ws://localhost:8083/', null, /most have \/mqtt/],
  [
    'mqtt:// to a WebSocket port',
    'mqtt://localhost:8083',
    new Error('Invalid header flag bits, must be 0x0 for puback packet'),
    /it is a WebSocket port/,
  ],
  [
    'mqtt:// to a TLS port',
    'mqtt://localhost:8883',
    new Error('Invalid header flag bits, must be 0x0 for connect packet'),
    /it is a TLS port/,
  ],
])('the error says what to change in the URL: %s', (_, url, error, hint) => {
  expect(closedUnanswered(4, url, error)).toMatch(hint)
})

test('a plain TCP connection is not told of WebSockets', () => {
  expect(closedUnanswered(4, 'mqtt://localhost', hangUp)).not.toMatch(/WebSocket/)
})
