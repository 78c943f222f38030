import { expect, test } from 'vitest'
import { createDroppedQos0 } from './dropped-qos0.js'

test('the first is told at once, the others one line a minute with their number', () => {
  let now = 0
  const lines: object[] = []
  const write = (fields: object) => void lines.push(fields)
  const logger = { debug() {}, info() {}, warn: write, error() {} }
  const fields = { clientId: 'a' }
  const dropped = createDroppedQos0({ maxQueuedQos0: 20, now: () => now, logger, fields })
  for (let n = 0; n < 1_000; n++) dropped.full()
  expect(lines).toEqual([{ clientId: 'a', dropped: 1 }])
  now = 60_000
  dropped.full()
  expect(lines[1]).toEqual({ clientId: 'a', dropped: 1_000 })
  dropped.stopping()
  expect(lines).toHaveLength(3)
})
