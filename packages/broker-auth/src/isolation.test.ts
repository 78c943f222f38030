import {
  type AnyDeviceType,
  CHANNELS,
  defineDeviceType,
  deviceTopics,
  reading,
  topicMatches,
} from '@devicehub/core'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createDecider } from './decider.js'
import type { Decider } from './decision.js'
import { type Fleet, Pump, Sensor, startFleet } from './testing/fleet.js'

const readings = { level: reading.float() }
/** With the device first, a device can be called like the prefix of the others; without the type, like a type. */
const Gate = defineDeviceType('gate', { readings, topicTemplate: '{device_id}/gate/{channel}' })
const Lock = defineDeviceType('lock', { readings, topicTemplate: 'locks/{channel}/{device_id}/v1/x' })
const TYPES: readonly AnyDeviceType[] = [Sensor, Pump, Gate, Lock]
const AWKWARD = [
  'A',
  'a',
  'AA',
  'A-',
  '-',
  '_',
  '1',
  'things',
  'sensor',
  'pump',
  'gate',
  'locks',
  'cmd',
  'data',
  'v1',
  'x',
]

let fleet: Fleet
let decider: Decider
const devices: { type: AnyDeviceType; deviceId: string; username: string }[] = []

beforeAll(async () => {
  fleet = startFleet({ types: TYPES })
  decider = createDecider(fleet.hub)
  const id = fc.stringMatching(/^[A-Za-z0-9_-]{1,20}$/)
  const ids = new Set([...AWKWARD, 'x'.repeat(128), ...fc.sample(id, { numRuns: 10, seed: 7 })])
  for (const deviceId of ids)
    for (const type of TYPES)
      devices.push({ type, deviceId, username: (await fleet.issue(type, deviceId)).username })
})
afterAll(() => fleet[Symbol.asyncDispose]())

/** What a client may send: parts of its own topics and of another's, wildcards and whatever else, put together anyhow. */
function textOf(fragments: readonly string[]) {
  const part = fc.oneof(
    { weight: 8, arbitrary: fc.constantFrom(...fragments) },
    {
      weight: 4,
      arbitrary: fc.constantFrom(
        '+',
        '#',
        '*',
        '/',
        '//',
        '.',
        '',
        '$share',
        'g',
        '$queue',
        '$SYS',
        '\0',
        ',',
      ),
    },
    { weight: 1, arbitrary: fc.string({ unit: 'grapheme', maxLength: 4 }) },
  )
  const parts = fc.array(part, { minLength: 1, maxLength: 8 })
  return fc.oneof(
    {
      weight: 3,
      arbitrary: fc.tuple(parts, fc.constantFrom('/', '/', '')).map(([list, by]) => list.join(by)),
    },
    // Close to the truth: a real topic of either, with a level replaced, or as it is.
    {
      weight: 3,
      arbitrary: fc
        .tuple(
          fc.constantFrom(...fragments.filter((each) => each.includes('/'))),
          fc.nat(4),
          fc.option(part),
          fc.boolean(),
        )
        .map(([topic, at, put, shared]) => {
          const levels = topic.split('/')
          if (put !== null) levels[Math.min(at, levels.length - 1)] = put
          return (shared && put !== null ? '$share/g/' : '') + levels.join('/')
        }),
    },
  )
}

test('no device reads or writes the topics of another, whatever it sends', async () => {
  const pair = fc
    .tuple(fc.nat(), fc.nat())
    .map(([a, b]) => [devices[a % devices.length], devices[b % devices.length]] as const)
    .filter(([a, b]) => a !== b)
  const attempt = pair.chain(([a, b]) => {
    if (!a || !b) throw new Error('no devices')
    const theirs = Object.values(deviceTopics(b.type, b.deviceId))
    const topics = [...Object.values(deviceTopics(a.type, a.deviceId)), ...theirs]
    const levels = topics.flatMap((topic) => topic.split('/'))
    return fc.record({
      a: fc.constant(a),
      theirs: fc.constant(theirs),
      text: textOf([...topics, ...levels]),
      action: fc.constantFrom('publish' as const, 'subscribe' as const),
    })
  })
  const seen = { allowed: 0, denied: 0 }
  await fc.assert(
    fc.asyncProperty(attempt, async ({ a, theirs, text, action }) => {
      const request = { username: a.username, clientId: a.username, action, topic: text }
      const { allow } = await decider.access(request)
      seen[allow ? 'allowed' : 'denied']++
      if (!allow) return
      const filter = text.replace(/^\$(share\/[^/]*|queue|exclusive)\//, '')
      expect(theirs.filter((topic) => topic === text || topicMatches(filter, topic))).toEqual([])
    }),
    { numRuns: 8000 },
  )
  // It would prove nothing if everything were denied.
  expect(seen.allowed).toBeGreaterThan(200)
  expect(seen.denied).toBeGreaterThan(200)
})

test('every device has its own topics, however it is called', async () => {
  for (const { type, deviceId, username } of devices) {
    const topics = deviceTopics(type, deviceId)
    const requests = CHANNELS.map((channel) => ({
      username,
      clientId: username,
      action: channel === 'cmd' || channel === 'desired' ? ('subscribe' as const) : ('publish' as const),
      topic: topics[channel],
    }))
    const decisions = await decider.accessAll(requests)
    expect(decisions.every(({ allow }) => allow)).toBe(true)
  }
})
