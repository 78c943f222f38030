import { expect, test } from 'vitest'
import { disconnectReason, readDisconnect } from './server-disconnect.js'

const reasonOf = (packet: Parameters<typeof readDisconnect>[0]) => disconnectReason(readDisconnect(packet))

test('name, code, the words of the server and the server it refers to', () => {
  const properties = { reasonString: 'moved to the new house', serverReference: 'b.example.com:8883' }
  expect(reasonOf({ reasonCode: 0x9d, properties })).toBe(
    'server moved (0x9d), "moved to the new house"; it refers to the server "b.example.com:8883"',
  )
  expect(reasonOf({ reasonCode: 0x8b })).toBe('server shutting down (0x8b)')
  expect(reasonOf({})).toBe('normal disconnection (0x00)')
  expect(reasonOf({ reasonCode: 0xf0, properties: { reasonString: '' } })).toBe('unknown reason (0xf0)')
})

test('hostile texts are one line each, bounded, and only text', () => {
  const reasonString = `\u001b[31mroot\r\nlogin: ${'x'.repeat(60_000)}`
  const read = readDisconnect({ reasonCode: 0x89, properties: { reasonString, serverReference: ['a', 'b'] } })
  expect(read.serverReference).toBeNull()
  expect(read.reasonString).toMatch(/^\?\[31mroot login: x+\.\.\.$/)
  expect(read.reasonString).toHaveLength(199)
})
