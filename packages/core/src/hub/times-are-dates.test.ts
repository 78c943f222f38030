import { expect, test, vi } from 'vitest'
import { createDeviceHub, defineDeviceType, type MessageRecord, reading, silentLogger } from '../index.js'

const AT = new Date('2026-03-01T12:00:00Z')
const NOW = new Date('2026-03-01T12:00:05Z')

test('where an application sees the time of a message it is a Date', async () => {
  const told: MessageRecord[] = []
  const Meter = defineDeviceType('meter', {
    unknownDevice: 'register',
    readings: { level: reading.float() },
    hooks: { onData: ({ message }) => void told.push(message) },
  })
  await using hub = createDeviceHub({
    types: [Meter],
    clock: { now: () => NOW.getTime() },
    logger: silentLogger,
  })
  const rows: unknown[] = []
  hub.consume('reader', { types: [Meter], from: 'beginning', retry: { tries: 1 } }, ({ messages }) => {
    for (const { row, receivedAt } of messages) rows.push(row, receivedAt)
    throw new Error('set aside')
  })
  await hub.ingest([
    { topic: 'things/meter/a/data', payload: Buffer.from('{"level":1}'), source: 'test', receivedAt: AT },
  ])

  const [row] = (await hub.messages.list(Meter)).items
  expect(row).toMatchObject({ receivedAt: AT, processedAt: NOW })
  expect(await hub.messages.get({ typeKey: 'meter', id: row?.id ?? '' })).toEqual(row)
  await vi.waitFor(() => expect(told).toEqual([row]))
  const setAside = { failedAt: NOW, firstFailedAt: NOW }
  await vi.waitFor(async () =>
    expect((await hub.consumers.failures('reader')).items).toMatchObject([setAside]),
  )
  expect(rows).toEqual([row, AT])
})
