import { type DeviceHubError, memoryStorage } from '@devicehub/core'
import { describe, expect, test } from 'vitest'
import {
  memorySink,
  type ProvisionWorld,
  provisionWorld,
  revealed,
  SECRET,
  Station,
} from '../testing/provision-world.js'
import type { NewClaimKey } from './new-claim-key.js'

const proof = 'a proof of sixteen characters or more'

const keyOf = (world: ProvisionWorld, more: Partial<NewClaimKey> = {}) =>
  world.provisioner.claims.create(Station, { name: 'batch 7', maxUses: 10, expiresIn: 3_600, ...more })

const refused = { code: 'claim_refused' }

describe('claim keys', () => {
  test('are listed without the key, newest first, and revoked once', async () => {
    await using world = provisionWorld()
    const { claims } = world.provisioner
    const first = await keyOf(world)
    world.later(1_000)
    const second = await keyOf(world, { createsDevices: true, idPrefix: 'B-' })
    expect(first.key).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{42}$/)
    const { items } = await claims.list()
    expect(items).toMatchObject([
      {
        id: second.id,
        name: 'batch 7',
        typeKey: 'weatherstation',
        createsDevices: true,
        idPrefix: 'B-',
        uses: 0,
      },
      { id: first.id, createsDevices: false, idPrefix: '', maxUses: 10, revokedAt: null },
    ])
    const seen = JSON.stringify([items, world.log])
    for (const { key } of [first, second]) expect(seen).not.toContain(key)
    expect(JSON.stringify(items)).not.toContain('lookup')
    expect(await claims.revoke(first.id)).toBe(true)
    expect(await claims.revoke(first.id)).toBe(false)
    expect(await claims.revoke('none')).toBe(false)
  })

  test.each([
    ['no name', { name: '' }],
    ['no uses', { maxUses: 0 }],
    ['half a use', { maxUses: 1.5 }],
    ['no time', { expiresIn: 0 }],
    ['for ever', { expiresIn: Number.POSITIVE_INFINITY }],
    ['a prefix that no id has', { idPrefix: 'a/' }],
  ])('with %s are refused', async (_what, more) => {
    await using world = provisionWorld()
    await expect(keyOf(world, more)).rejects.toMatchObject({ code: 'invalid_options' })
  })
})

describe('a claim', () => {
  test('gives a registered device its credentials, and announces it', async () => {
    const sink = memorySink()
    await using world = provisionWorld({ sinks: [sink] })
    const { provisioner, hub } = world
    await hub.devices.create(Station, { deviceId: 'S-1', name: 'Roof' })
    const { key, id } = await keyOf(world)
    const claimed = await provisioner.claim({ key, deviceId: 'S-1', proof })
    expect(claimed).toMatchObject({
      type: Station,
      deviceId: 'S-1',
      first: true,
      topics: {
        data: 'things/weatherstation/S-1/data',
        status: 'things/weatherstation/S-1/status',
        commands: 'things/weatherstation/S-1/cmd',
      },
    })
    expect(await provisioner.verify(claimed.credentials as never)).toMatchObject({ deviceId: 'S-1' })
    expect(await hub.credentials.verifyApiKey(claimed.credentials.apiKey as string)).not.toBeNull()
    expect(world.signals).toMatchObject([{ name: 'deviceProvisioned', event: { device: { name: 'Roof' } } }])
    expect(revealed(world)).toEqual([claimed.credentials])
    expect(sink.passwords.get('weatherstation-S-1')).toBe(claimed.credentials.password)
    expect((await provisioner.claims.list()).items).toMatchObject([{ id, uses: 1 }])
    const seen = JSON.stringify([
      world.log,
      world.signals.map(({ event }) => ({ ...event, type: null, device: event.device.name })),
    ])
    for (const secret of [key, proof, claimed.credentials.password]) expect(seen).not.toContain(secret)
  })

  test('creates a device only with a key that may', async () => {
    await using world = provisionWorld()
    const { provisioner, hub } = world
    const { key } = await keyOf(world)
    await expect(provisioner.claim({ key, deviceId: 'S-1', proof })).rejects.toMatchObject(refused)
    expect(await hub.devices.get(Station, 'S-1')).toBeNull()
    const labels = { customer: 'acme' }
    const maker = await keyOf(world, { createsDevices: true, labels })
    await provisioner.claim({ key: maker.key, deviceId: 'S-1', proof })
    expect((await provisioner.claims.list()).items.map((each) => each.labels)).toEqual([labels, {}])
    expect(await hub.devices.count(Station, { labels })).toMatchObject({ count: 1 })
    expect(await hub.devices.get(Station, 'S-1')).toMatchObject({
      status: 'provisioning',
      labels,
      mqttUsername: 'weatherstation-S-1',
    })
  })

  test('comes again with its proof when the answer was lost: new credentials, no further use', async () => {
    await using world = provisionWorld()
    const { provisioner } = world
    const { key } = await keyOf(world, { createsDevices: true, maxUses: 1 })
    const first = await provisioner.claim({ key, deviceId: 'S-1', proof })
    const again = await provisioner.claim({ key, deviceId: 'S-1', proof })
    expect(again.first).toBe(false)
    expect(await provisioner.verify(first.credentials as never)).toBeNull()
    expect(await provisioner.verify(again.credentials as never)).not.toBeNull()
    expect((await provisioner.claims.list()).items).toMatchObject([{ uses: 1 }])
    expect(world.signals).toHaveLength(1)
    await expect(
      provisioner.claim({ key, deviceId: 'S-1', proof: 'the proof of somebody else' }),
    ).rejects.toMatchObject(refused)
    expect(await provisioner.verify(again.credentials as never)).not.toBeNull()
  })

  test('is known by its proof after the secret of the hub was replaced', async () => {
    const storage = memoryStorage()
    await using before = provisionWorld({ storage })
    const { key } = await keyOf(before, { createsDevices: true, maxUses: 1 })
    await before.provisioner.claim({ key, deviceId: 'S-1', proof })
    const secret = ['the secret that has taken the place of the other', SECRET]
    await using after = provisionWorld({ storage, secret })
    expect(await after.provisioner.claim({ key, deviceId: 'S-1', proof })).toMatchObject({ first: false })
  })

  test('of two for one device at a time, with different proofs, one wins', async () => {
    await using world = provisionWorld()
    const { key } = await keyOf(world, { createsDevices: true })
    const results = await Promise.allSettled(
      [1, 2, 3, 4].map((each) =>
        world.provisioner.claim({ key, deviceId: 'S-1', proof: `the proof of device number ${each}` }),
      ),
    )
    const won = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
    expect(won).toHaveLength(1)
    expect(await world.provisioner.verify(won[0]?.credentials as never)).not.toBeNull()
    expect((await world.provisioner.claims.list()).items).toMatchObject([{ uses: 1 }])
  })

  test('is refused for every other reason with the same answer; the log has the reason', async () => {
    await using world = provisionWorld()
    const { provisioner, hub } = world
    const good = await keyOf(world, { idPrefix: 'S-' })
    const creates = await keyOf(world, { createsDevices: true })
    const revoked = await keyOf(world)
    await provisioner.claims.revoke(revoked.id)
    const short = await keyOf(world, { expiresIn: 1 })
    const usedUp = await keyOf(world, { createsDevices: true, maxUses: 1 })
    await provisioner.claim({ key: usedUp.key, deviceId: 'first', proof })
    for (const deviceId of ['S-1', 'S-2', 'S-3', 'T-1']) await hub.devices.create(Station, { deviceId })
    await hub.devices.deactivate(Station, 'S-2')
    await provisioner.generateCredentials(Station, 'S-3')
    await provisioner.generateCredentials(Station, 'S-4', { create: true })
    await provisioner.revoke(Station, 'S-4')
    world.later(2_000)
    world.log.length = 0

    const cases: [key: string, deviceId: string, reason: string][] = [
      ['no such key', 'S-1', 'unknown_key'],
      [revoked.key, 'S-1', 'key_refused'],
      [short.key, 'S-1', 'key_refused'],
      [usedUp.key, 'S-1', 'key_refused'],
      [good.key, 'T-1', 'wrong_prefix'],
      [good.key, 'S-2', 'device_inactive'],
      [good.key, 'S-3', 'device_claimed'],
      [good.key, 'S-4', 'device_claimed'],
      [creates.key, 'S-4', 'device_claimed'],
      [good.key, 'S-5', 'device_not_found'],
      [creates.key, 'a/b', 'bad_device_id'],
      [creates.key, '+', 'bad_device_id'],
      [creates.key, 'first', 'device_claimed'],
    ]
    const messages = new Set<string>()
    for (const [key, deviceId, reason] of cases) {
      // A line for each reason and key a minute.
      world.later(60_000)
      const other = 'another proof than that of the first'
      const error = await provisioner.claim({ key, deviceId, proof: other }).catch((it: unknown) => it)
      expect([deviceId, reason, error]).toMatchObject([deviceId, reason, refused])
      messages.add((error as DeviceHubError).message)
      expect(JSON.parse(world.log.at(-1) ?? '')).toMatchObject({ reason })
    }
    expect(messages.size).toBe(1)
    expect(await provisioner.credentials(Station, 'S-1')).toEqual([])
    for (const { key } of [good, creates, revoked, short, usedUp]) expect(world.log.join()).not.toContain(key)
  })

  test('of a device whose claimed credentials were revoked is refused, with its proof as well', async () => {
    await using world = provisionWorld()
    const { provisioner } = world
    const { key } = await keyOf(world, { createsDevices: true })
    await provisioner.claim({ key, deviceId: 'S-1', proof })
    await provisioner.revoke(Station, 'S-1')
    await expect(provisioner.claim({ key, deviceId: 'S-1', proof })).rejects.toMatchObject(refused)
  })

  test.each([
    ['a short proof', { proof: 'x'.repeat(15) }],
    ['a long one', { proof: 'x'.repeat(257) }],
    ['a proof that is no text', { proof: 17 }],
    ['NUL', { proof: `${proof}\0` }],
    ['half a surrogate pair', { deviceId: '\ud800' }],
    ['no key', { key: undefined }],
  ])('with %s is malformed', async (_what, more) => {
    await using world = provisionWorld()
    const request = { key: 'k', deviceId: 'S-1', proof, ...more } as never
    await expect(world.provisioner.claim(request)).rejects.toMatchObject({ code: 'invalid_payload' })
  })
})
