import { type Codec, command, DeviceHubError, defineDeviceType, jsonCodec } from '@devicehub/core'
import { recordUnhandledRejections } from '@devicehub-internal/support/unhandled-rejections'
import { expect, test } from 'vitest'
import { z } from 'zod'
import { judge, resultProblem } from './executable.js'
import { parseCommand } from './received-command.js'
import { encodeReply } from './replies.js'

recordUnhandledRejections()

const rejects = () => Promise.reject(new Error('late')) as never
const Valve = defineDeviceType('valve', {
  commands: { open: command({ payload: z.string().refine(rejects), result: z.string().refine(rejects) }) },
})
const message = { payload: Uint8Array.of(1), retained: false }
const context = { topic: 'things/valve/v/cmd', deviceId: 'v', receivedAt: new Date() }

test('a command whose schema is asynchronous is rejected with the reason, and no rejection is left behind', () => {
  const payload = Buffer.from('{"command":"open","payload":"x","id":"a"}')
  const received = parseCommand({ ...message, payload, ...context }, jsonCodec)
  const options = { type: Valve, handlers: new Map(), running: 0, maxPending: 1 }
  expect(judge(received, options)).toMatchObject({
    code: 'invalid_payload',
    why: expect.stringMatching(/asynchronous/),
  })
  expect(resultProblem('x', Valve.commands.open)).toMatch(/asynchronous/)
})

test('a codec that is asynchronous reads no command and writes no reply', () => {
  const codec = {
    name: 'slow',
    contentType: 'x',
    decode: () => Promise.reject(new Error('late')),
    encode: () => Promise.reject(new Error('late')),
  } as unknown as Codec
  expect(() => parseCommand({ ...message, ...context }, codec)).toThrow(DeviceHubError)
  const entry = { id: 'a', command: 'open' }
  expect(() => encodeReply(entry, { status: 'accepted' }, codec)).toThrow(/asynchronous/)
})

test('what a reply says of an error is a line of bounded length', () => {
  const outcome = { status: 'failed', error: `two\nlines\x1b[2J${'x'.repeat(5_000)}` } as const
  const { error } = JSON.parse(
    Buffer.from(encodeReply({ id: 'a', command: 'open' }, outcome, jsonCodec)).toString(),
  )
  expect(error).toMatch(/^two lines\?\[2Jx+\.\.\.$/)
  expect(error.length).toBeLessThan(600)
})
