import { type AnyDeviceType, defineDeviceType, deviceTopics, reading } from '@devicehub/core'
import { CHANNELS } from '@devicehub/core/definition'
import { topicMatches } from '@devicehub/core/transport'
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

interface Identity {
  readonly type: AnyDeviceType
  readonly deviceId: string
  readonly username: string
}

const topicsOf = ({ type, deviceId }: Identity): string[] => Object.values(deviceTopics(type, deviceId))

let fleet: Fleet
let decider: Decider
const devices: Identity[] = []

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

interface Attempt {
  readonly mine: number
  /** How many places on in the list. */
  readonly other: number
  readonly text: Resolve
  readonly action: 'publish' | 'subscribe'
}

type Resolve = (pair: { readonly own: readonly string[]; readonly theirs: readonly string[] }) => string

const ofEither = fc.tuple(fc.boolean(), fc.nat(5)).map(
  ([mine, n]): Resolve =>
    ({ own, theirs }) =>
      (mine ? own : theirs)[n] ?? '',
)
const levelOfEither = fc.tuple(ofEither, fc.nat(4)).map(
  ([topic, at]): Resolve =>
    (pair) =>
      topic(pair).split('/')[at] ?? '',
)
const literal = fc
  .oneof(
    fc.constantFrom('+', '#', '*', '/', '//', '.', '', '$share', 'g', '$queue', '$SYS', '\0', ','),
    fc.string({ unit: 'grapheme', maxLength: 4 }),
  )
  .map(
    (text): Resolve =>
      () =>
        text,
  )
const part = fc.oneof({ weight: 6, arbitrary: levelOfEither }, { weight: 2, arbitrary: ofEither }, literal)

/** What a client may send: parts of its own topics and of another's, wildcards and whatever else, put together anyhow. */
const anyhow = fc.tuple(fc.array(part, { minLength: 1, maxLength: 8 }), fc.constantFrom('/', '/', '')).map(
  ([parts, by]): Resolve =>
    (pair) =>
      parts.map((each) => each(pair)).join(by),
)
/** Close to the truth: a topic of either, as it is, with another level, or shared. */
const nearly = fc
  .record({
    topic: ofEither,
    at: fc.nat(5),
    put: fc.option(part),
    before: fc.constantFrom('', '', '$share/g/'),
  })
  .map(
    ({ topic, at, put, before }): Resolve =>
      (pair) => {
        const levels = topic(pair).split('/')
        if (put !== null) levels[Math.min(at, levels.length - 1)] = put(pair)
        return before + levels.join('/')
      },
  )

test('no device reads or writes the topics of another, whatever it sends', async () => {
  const attempt: fc.Arbitrary<Attempt> = fc.record({
    mine: fc.nat(devices.length - 1),
    other: fc.integer({ min: 1, max: devices.length - 1 }),
    text: fc.oneof(anyhow, nearly),
    action: fc.constantFrom('publish' as const, 'subscribe' as const),
  })
  const seen = { allowed: 0, denied: 0 }
  await fc.assert(
    // Many at once, since a question waits for the next look at what was revoked.
    fc.asyncProperty(fc.array(attempt, { minLength: 1, maxLength: 400, size: 'max' }), async (attempts) => {
      await Promise.all(attempts.map(check))
    }),
    { numRuns: 50 },
  )
  async function check({ mine, other, text, action }: Attempt): Promise<void> {
    const a = devices[mine] as Identity
    const b = devices[(mine + other) % devices.length] as Identity
    const [own, theirs] = [topicsOf(a), topicsOf(b)]
    const topic = text({ own, theirs })
    const { allow } = await decider.access({ username: a.username, clientId: a.username, action, topic })
    seen[allow ? 'allowed' : 'denied']++
    if (!allow) return
    const filter = topic.replace(/^\$(share\/[^/]*|queue|exclusive)\//, '')
    const leaked = theirs.filter((each) => each === topic || topicMatches(filter, each))
    expect({ topic, of: b.username, leaked }).toEqual({ topic, of: b.username, leaked: [] })
  }
  // It would prove nothing if everything were denied.
  expect(seen.allowed).toBeGreaterThan(100)
  expect(seen.denied).toBeGreaterThan(100)
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
