import { type Codec, command, defineDeviceType, reading, state } from '@devicehub/core'
import { z } from 'zod'

/** What looks a value up does, and what nothing tells of a function: it returns a promise, and this one rejects. */
const rejects = () => Promise.reject(new Error('the look-up failed')) as never

/** What the attackers pretend to be. */
export const Gauge = defineDeviceType('gauge', {
  readings: {
    level: reading.float(),
    extra: reading.json(),
    checked: reading.json({ schema: z.object({ serial: z.string().refine(rejects) }) }),
  },
  state: { mode: state.enum(['eco', 'full']), profile: state.json({ schema: z.string().refine(rejects) }) },
  commands: {
    measure: command({ result: z.object({ text: z.string().max(10) }) }),
    look: command({ result: z.object({ text: z.string().refine(rejects) }) }),
  },
})

class Reading {
  level = 1
}

/** By the first byte of the payload. */
const HORRORS: readonly (() => unknown)[] = [
  async () => ({ level: 1 }),
  () => Promise.reject(new Error('late')),
  () => ({ level: Promise.reject(new Error('late')) }),
  () => Object.defineProperty({}, 'level', { enumerable: true, get: () => fail('\x1b[2J\0from the getter') }),
  () => new Reading(),
  () => new Map([['level', 1]]),
  () => () => 1,
  () => {
    const circular: Record<string, unknown> = { level: 1 }
    circular.self = circular
    return circular
  },
  () => fail('x'.repeat(100_000)),
]
export const HORROR_COUNT = HORRORS.length

const fail = (message: string): never => {
  throw new Error(message)
}

const horrible: Codec = {
  name: 'horrible',
  contentType: 'application/octet-stream',
  decode: (payload) => HORRORS[payload[0] ?? 0]?.(),
  encode: (value) => new TextEncoder().encode(JSON.stringify(value)),
}

/** Its codec gives whatever a codec should not. */
export const Odd = defineDeviceType('odd', { codec: horrible, readings: { level: reading.float() } })
