import type { Duration } from '@devicehub/core'
import { type InboundMessage, silentLogger } from '@devicehub/core'
import type { OutboundMessage } from '@devicehub/core/transport'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { provisionWorld } from '../testing/provision-world.js'
import { createClaimDesk } from './claim-desk.js'
import type { Claim } from './claim-reply.js'
import { claimTopics } from './claim-topics.js'
import { serveClaims } from './serve-claims.js'

beforeEach(() => void vi.useFakeTimers())
afterEach(() => void vi.useRealTimers())

const never = () => new Promise<never>(() => {})

/** What the handler of such a claim does, as a listener would call it. */
function serving(claim: Claim, publish: (message: OutboundMessage) => Promise<void>) {
  const { hub } = provisionWorld()
  let handler: (message: InboundMessage) => unknown = () => {}
  let timeout: Duration = 0
  serveClaims(
    { publish, logger: silentLogger, clock: hub.clock },
    claimTopics(hub),
    createClaimDesk({ claim, logger: silentLogger, clock: hub.clock }, {}),
    {
      name: 'default',
      handle(_filter, given, options) {
        handler = given
        timeout = options?.timeout ?? 0
      },
    },
    undefined,
  )
  const request = JSON.stringify({ claim_key: 'k', device_id: 'S-1', proof: 'long enough for a proof' })
  const call = (topic: string) =>
    Promise.resolve(handler({ topic, payload: Buffer.from(request), source: 'mqtt:default' }))
  return { call, timeout }
}

test('a claim that hangs is answered: try again; a publication that hangs ends before the listener puts the request on record', async () => {
  const published: unknown[] = []
  const { call, timeout } = serving(never, (message) => {
    published.push(JSON.parse(String(message.payload)))
    return never()
  })
  let ended = false
  void call('things/$claim/claim_0123456789abcdef/request').then(() => {
    ended = true
  })
  expect(timeout).toBe('1m')
  await vi.advanceTimersByTimeAsync(59_999)
  expect(published).toMatchObject([{ status: 503 }])
  expect(ended).toBe(true)
})

test('a publication that is refused, and topics of no claim, are nobody’s failure', async () => {
  let calls = 0
  const { call } = serving(
    async () => {
      calls++
      throw new Error('broken')
    },
    () => Promise.reject(new Error('no broker')),
  )
  await call('things/$claim/claim_0123456789abcdef/request')
  expect(calls).toBe(1)
  for (const topic of [
    'things/$claim/claim-S-1/request',
    'things/$claim/claim_0123456789abcdef/response',
    'x',
    '',
  ])
    await call(topic)
  expect(calls).toBe(1)
})

test('a type whose topics would be those of claims is refused', async () => {
  const { createDeviceHub, defineDeviceType, reading } = await import('@devicehub/core')
  const { createProvisioner } = await import('../create-provisioner.js')
  const Odd = defineDeviceType('odd', {
    readings: { value: reading.float() },
    topicTemplate: '{prefix}/$claim/{device_id}/{channel}',
  })
  const hub = createDeviceHub({ types: [Odd], credentials: { secret: 'a secret of thirty-two characters' } })
  expect(() => createProvisioner(hub)).toThrow(expect.objectContaining({ code: 'invalid_topic' }))
  const bare = createDeviceHub({ types: [] })
  expect(() => createProvisioner(bare)).toThrow(expect.objectContaining({ code: 'invalid_options' }))
})
