import { describe, expect, test } from 'vitest'
import { DeviceHubError } from '../index.js'
import { away, online, Station, until, world } from './testing/command-world.js'

const unacknowledged = () => {
  throw new DeviceHubError('transport_unavailable', 'not acknowledged', { details: { outcome: 'unknown' } })
}

describe('a command that expires while the broker', () => {
  test('confirms nothing is not called unsent: the device may have executed it', async () => {
    const of = world()
    await online(of, 'a')
    of.onPublish = unacknowledged
    const { id } = await of.hub.commands.send(Station, 'a', 'reboot', undefined, { expiresIn: '50ms' })
    await until('its end', async () => (await of.hub.commands.get(id))?.finishedAt !== null)
    expect(await of.hub.commands.get(id)).toMatchObject({
      state: 'timed_out',
      attempts: 1,
      sentAt: expect.any(Date),
      reason: expect.stringMatching(/did not confirm it in time.*may have executed it/),
    })
  })

  test('cannot be reached has expired', async () => {
    const of = world()
    await online(of, 'a')
    of.onPublish = away
    const { id } = await of.hub.commands.send(Station, 'a', 'reboot', undefined, { expiresIn: '50ms' })
    await until('its end', async () => (await of.hub.commands.get(id))?.finishedAt !== null)
    expect(await of.hub.commands.get(id)).toMatchObject({
      state: 'expired',
      attempts: 0,
      reason: 'it was not sent, or not confirmed by the broker, in time',
    })
  })
})
