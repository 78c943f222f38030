import { waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { keepConnected } from './keep-connected.js'
import type { Link, LinkEnd } from './link.js'

test('before each attempt a function decides; false ends the attempts', async () => {
  const ends: ((end: LinkEnd) => void)[] = []
  let allowed = true
  const connection = keepConnected({
    createLink: () =>
      ({
        open: async () => ({}),
        closed: new Promise<LinkEnd>((resolve) => ends.push(resolve)),
        drop: () => {},
      }) as unknown as Link,
    prepare: async () => {},
    onEnd: () => {},
    onState: () => {},
    reconnect: { min: 0.001, max: 0.001, jitter: 0 },
    clientId: 'a',
    counters: { failedConnects: 0, sessionsTakenOver: 0 },
    mayConnect: () => allowed,
  })
  await connection.ready
  ends[0]?.({ disconnect: null, error: null })
  await waitUntil('the second', () => connection.state === 'connected' && ends.length === 2)
  allowed = false
  ends[1]?.({ disconnect: null, error: null })
  await waitUntil('the end', () => connection.state === 'stopped')
  expect(ends).toHaveLength(2)
})
