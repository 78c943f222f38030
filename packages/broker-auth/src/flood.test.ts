import { deviceTopics } from '@devicehub/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createDecider } from './decider.js'
import { type Fleet, type Login, Sensor, startFleet } from './testing/fleet.js'

let fleet: Fleet
let flooded: Login
let other: Login
beforeAll(async () => {
  fleet = startFleet()
  flooded = await fleet.issue(Sensor, 'F1')
})
afterAll(() => fleet[Symbol.asyncDispose]())

describe.each(['a device', 'nobody'])('3,000 logins at once with the user name of %s', (whose) => {
  test('take their share of the places: another device is let in at its first login, and may publish', async () => {
    // Of its own, so that nobody has looked it up before.
    other = await fleet.issue(Sensor, `O-${whose.length}`)
    const username = whose === 'nobody' ? 'nobody' : flooded.username
    const decider = createDecider(fleet.hub, { maxPending: 2_000, timeout: 60_000 })
    const guess = (n: number) => decider.login({ username, password: `guess ${n}`, clientId: username })
    const guesses = Array.from({ length: 3_000 }, (_, n) => guess(n))
    const who = { username: other.username, clientId: other.username }
    const topic = deviceTopics(Sensor, `O-${whose.length}`).data
    const [login, access] = await Promise.all([
      decider.login({ ...who, password: other.password }),
      decider.access({ ...who, action: 'publish', topic }),
    ])
    expect([login.reason, access.reason]).toEqual(['device', 'granted'])
    const reasons = (await Promise.all(guesses)).map(({ reason }) => reason)
    expect(reasons.filter((reason) => reason === 'wrong_credentials')).toHaveLength(200)
    expect(decider.stats()).toMatchObject({ shed: 2_800, pending: 0 })
    expect((await guess(0)).reason).toBe('wrong_credentials')
  })
})
