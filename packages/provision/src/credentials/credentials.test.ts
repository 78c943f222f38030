import { memoryStorage } from '@devicehub/core'
import { describe, expect, test } from 'vitest'
import { Meter, memorySink, provisionWorld, revealed, Station } from '../testing/provision-world.js'

const future = (ms: number) => new Date(Date.now() + ms)

describe('generateCredentials', () => {
  test('creates a device with a valid user name, password and API key', async () => {
    await using world = provisionWorld()
    const { provisioner, hub } = world
    const { device, credentials, sinkErrors } = await provisioner.generateCredentials(Station, 'S-1', {
      create: { name: 'Roof', state: { mode: 'burst' } },
    })
    expect(device).toMatchObject({
      deviceId: 'S-1',
      name: 'Roof',
      status: 'provisioning',
      mqttUsername: 'weatherstation-S-1',
      state: { mode: 'burst' },
    })
    expect(credentials).toEqual({
      username: 'weatherstation-S-1',
      password: expect.stringMatching(/^[A-Za-z0-9_][A-Za-z0-9_-]{42}$/),
      apiKey: expect.stringMatching(/^[0-9a-f]{64}$/),
      clientId: 'weatherstation-S-1',
      expiresAt: null,
    })
    expect(sinkErrors).toEqual([])
    expect(await hub.devices.get(Station, 'S-1')).toEqual(device)
    const { username, password, apiKey } = credentials
    expect(await provisioner.verify({ username, password })).toMatchObject({ deviceId: 'S-1', type: Station })
    expect(await hub.credentials.verifyApiKey(apiKey)).toMatchObject({ deviceId: 'S-1' })
    expect(await provisioner.verify({ username, password: `${password}x` })).toBeNull()
  })

  test('invariant 8: stores hashes, and returns, logs and lists no secret', async () => {
    await using world = provisionWorld()
    const { provisioner, hub, signals, log } = world
    const { credentials } = await provisioner.generateCredentials(Station, 'S-1', { create: true })
    const stored = await hub.storage.credentials.ofDevices(Station, ['S-1'])
    const seen = JSON.stringify([
      stored,
      await hub.storage.devices.find(Station, ['S-1']),
      await provisioner.credentials(Station, 'S-1'),
      signals.map(({ name, event }) => [name, { ...event, type: null }]),
      log,
    ])
    expect(stored).toHaveLength(2)
    for (const secret of [credentials.password, credentials.apiKey]) expect(seen).not.toContain(secret)
    for (const { hash } of stored)
      expect(JSON.stringify(await provisioner.credentials(Station, 'S-1'))).not.toContain(hash)
  })

  test('is announced once, with what it was given; a rotation is not', async () => {
    await using world = provisionWorld()
    const { credentials } = await world.provisioner.generateCredentials(Station, 'S-1', { create: true })
    expect(revealed(world)).toEqual([credentials])
    await world.provisioner.rotate(Station, 'S-1')
    expect(world.signals).toMatchObject([
      { name: 'deviceProvisioned', event: { type: Station, device: { deviceId: 'S-1' } } },
    ])
  })

  test('metadata of a device that is to be created has the bound of the hub, and nothing is written', async () => {
    await using world = provisionWorld()
    const metadata = { text: 'x'.repeat(70_000) }
    const issued = world.provisioner.generateCredentials(Station, 'S', { create: { metadata } })
    await expect(issued).rejects.toMatchObject({
      code: 'invalid_payload',
      message: expect.stringContaining('maxMetadata'),
    })
    expect(await world.hub.devices.get(Station, 'S')).toBeNull()
  })

  test('serves a device that is there without any, and leaves it as it is', async () => {
    await using world = provisionWorld()
    await world.hub.devices.create(Station, { deviceId: 'S-1', name: 'Old', status: 'maintenance' })
    const { device } = await world.provisioner.generateCredentials(Station, 'S-1', {
      create: { name: 'New' },
    })
    expect(device).toMatchObject({ name: 'Old', status: 'maintenance' })
  })

  test('refuses a device that has some, that does not exist, or that cannot be', async () => {
    await using world = provisionWorld()
    const { provisioner } = world
    await provisioner.generateCredentials(Station, 'S-1', { create: true })
    await expect(provisioner.generateCredentials(Station, 'S-1')).rejects.toMatchObject({
      code: 'credential_taken',
      message: expect.stringContaining('rotate'),
    })
    await expect(provisioner.generateCredentials(Station, 'S-2')).rejects.toMatchObject({
      code: 'device_not_found',
    })
    await expect(provisioner.rotate(Station, 'S-2')).rejects.toMatchObject({ code: 'device_not_found' })
    await expect(provisioner.revoke(Station, 'S-2')).rejects.toMatchObject({ code: 'device_not_found' })
    await expect(provisioner.generateCredentials(Station, 'a/b', { create: true })).rejects.toMatchObject({
      code: 'invalid_device_id',
    })
    await expect(
      provisioner.generateCredentials({ ...Station }, 'S-3', { create: true }),
    ).rejects.toMatchObject({ code: 'unknown_type' })
    await expect(
      provisioner.generateCredentials(Station, 'S-3', { create: true, expiresAt: future(-1) }),
    ).rejects.toMatchObject({ code: 'invalid_options' })
  })

  test('of one kind leaves the other alone', async () => {
    await using world = provisionWorld()
    const { provisioner, hub } = world
    const first = await provisioner.generateCredentials(Station, 'S-1', { create: true, kinds: ['api_key'] })
    expect(first.credentials).toMatchObject({ password: null })
    expect(await hub.devices.get(Station, 'S-1')).toMatchObject({ mqttUsername: null })
    const second = await provisioner.generateCredentials(Station, 'S-1', { kinds: ['password'] })
    expect(second.credentials).toMatchObject({ apiKey: null, password: expect.any(String) })
    expect(await hub.credentials.verifyApiKey(first.credentials.apiKey)).not.toBeNull()
    expect((await provisioner.credentials(Station, 'S-1')).map(({ kind }) => kind).sort()).toEqual([
      'api_key',
      'password',
    ])
  })

  test('one device is created once when two ask for it at a time', async () => {
    await using world = provisionWorld()
    const results = await Promise.allSettled(
      [1, 2, 3].map(() => world.provisioner.generateCredentials(Station, 'S-1', { create: true })),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    expect(results.filter(({ status }) => status === 'rejected')).toMatchObject([
      { reason: { code: 'credential_taken' } },
      { reason: { code: 'credential_taken' } },
    ])
  })

  test('user names of devices with one id differ by type', async () => {
    await using world = provisionWorld()
    const one = await world.provisioner.generateCredentials(Station, 'X', { create: true })
    const two = await world.provisioner.generateCredentials(Meter, 'X', { create: true })
    expect([one.credentials.username, two.credentials.username]).toEqual(['weatherstation-X', 'meter-X'])
  })
})

describe('the end of credentials', () => {
  test('expiry', async () => {
    await using world = provisionWorld()
    const { credentials } = await world.provisioner.generateCredentials(Station, 'S-1', {
      create: true,
      expiresAt: future(60_000),
    })
    expect(await world.provisioner.verify(credentials)).not.toBeNull()
    world.later(60_001)
    expect(await world.provisioner.verify(credentials)).toBeNull()
    expect(await world.provisioner.credentials(Station, 'S-1')).toEqual([])
    // Nothing is good any more, so that it may be issued anew.
    await world.provisioner.generateCredentials(Station, 'S-1')
  })

  test('a rotation ends the old ones at once, or after the overlap', async () => {
    await using world = provisionWorld()
    const { provisioner } = world
    const { credentials: first } = await provisioner.generateCredentials(Station, 'S-1', { create: true })
    const { credentials: second } = await provisioner.rotate(Station, 'S-1')
    expect(await provisioner.verify(first)).toBeNull()
    expect(await provisioner.verify(second)).not.toBeNull()
    const { credentials: third } = await provisioner.rotate(Station, 'S-1', { overlap: 60 })
    expect(await provisioner.verify(second)).not.toBeNull()
    expect(await provisioner.verify(third)).not.toBeNull()
    expect(await provisioner.credentials(Station, 'S-1')).toHaveLength(4)
    world.later(60_001)
    expect(await provisioner.verify(second)).toBeNull()
    expect(await provisioner.verify(third)).not.toBeNull()
    await expect(provisioner.rotate(Station, 'S-1', { overlap: -1 })).rejects.toMatchObject({
      code: 'invalid_options',
    })
  })

  test('a revocation ends all of them', async () => {
    await using world = provisionWorld()
    const { provisioner, hub } = world
    const { credentials: old } = await provisioner.generateCredentials(Station, 'S-1', { create: true })
    const { credentials } = await provisioner.rotate(Station, 'S-1', { overlap: 600 })
    await provisioner.revoke(Station, 'S-1')
    for (const each of [old, credentials]) {
      expect(await provisioner.verify(each)).toBeNull()
      expect(await hub.credentials.verifyApiKey(each.apiKey)).toBeNull()
    }
    expect(await provisioner.credentials(Station, 'S-1')).toEqual([])
  })

  test('holds at once in another process, whatever that one remembers', async () => {
    const storage = memoryStorage()
    await using here = provisionWorld({ storage })
    await using there = provisionWorld({ storage })
    const { credentials } = await here.provisioner.generateCredentials(Station, 'S-1', { create: true })
    expect(await there.provisioner.verify(credentials)).not.toBeNull()
    const { credentials: second } = await here.provisioner.rotate(Station, 'S-1')
    expect(await there.provisioner.verify(credentials)).toBeNull()
    expect(await there.provisioner.verify(second)).not.toBeNull()
    await here.provisioner.revoke(Station, 'S-1')
    expect(await there.provisioner.verify(second)).toBeNull()
    expect(await there.hub.credentials.verifyApiKey(second.apiKey)).toBeNull()
  })

  test('a password that a person chose takes the place of the password', async () => {
    await using world = provisionWorld()
    const { provisioner, hub } = world
    const { credentials } = await provisioner.generateCredentials(Station, 'S-1', { create: true })
    await provisioner.setPassword(Station, 'S-1', 'correct horse battery')
    const { username } = credentials
    expect(await provisioner.verify({ username, password: 'correct horse battery' })).not.toBeNull()
    expect(await provisioner.verify({ username, password: 'correct horse batterx' })).toBeNull()
    expect(await provisioner.verify(credentials)).toBeNull()
    expect(await hub.credentials.verifyApiKey(credentials.apiKey)).not.toBeNull()
    const [stored] = await hub.storage.credentials.find('password', [username])
    expect(stored?.hash).toMatch(/^s1\$/)
    for (const bad of ['eleven char', 'x'.repeat(1_025)])
      await expect(provisioner.setPassword(Station, 'S-1', bad)).rejects.toMatchObject({
        code: 'invalid_options',
        message: expect.not.stringContaining(bad),
      })
  })
})

describe('sinks', () => {
  test('get each change after its commit, in order', async () => {
    const sinks = [memorySink('one'), memorySink('two')]
    await using world = provisionWorld({ sinks })
    const { provisioner } = world
    const { credentials } = await provisioner.generateCredentials(Station, 'S-1', { create: true })
    for (const sink of sinks)
      expect(sink.changes).toEqual([
        {
          kind: 'set',
          device: {
            type: Station,
            deviceId: 'S-1',
            username: 'weatherstation-S-1',
            clientId: 'weatherstation-S-1',
            topics: {
              publish: ['data', 'status', 'response', 'state'].map((it) => `things/weatherstation/S-1/${it}`),
              subscribe: ['cmd', 'desired'].map((it) => `things/weatherstation/S-1/${it}`),
            },
          },
          password: credentials.password,
        },
      ])
    await provisioner.revoke(Station, 'S-1')
    expect(sinks[0]?.changes.at(-1)).toEqual({ kind: 'remove', username: 'weatherstation-S-1' })
  })

  test('have the valid password after any number of concurrent rotations', async () => {
    const sink = memorySink()
    await using world = provisionWorld({ sinks: [sink] })
    const { provisioner } = world
    await provisioner.generateCredentials(Station, 'S-1', { create: true })
    await Promise.all(Array.from({ length: 20 }, () => provisioner.rotate(Station, 'S-1')))
    const password = sink.passwords.get('weatherstation-S-1') ?? ''
    expect(await provisioner.verify({ username: 'weatherstation-S-1', password })).not.toBeNull()
  })

  test('that fail do not lose the secrets, and are named', async () => {
    const [broken, well] = [memorySink('broken'), memorySink('well')]
    broken.broken = new Error('no route to host')
    await using world = provisionWorld({ sinks: [broken, well] })
    const { provisioner } = world
    const issued = await provisioner.generateCredentials(Station, 'S-1', { create: true })
    expect(issued.sinkErrors).toMatchObject([
      { code: 'sink_failed', message: expect.stringMatching(/issued here.*broken.*no route.*sync\(\)/) },
    ])
    expect(await provisioner.verify(issued.credentials)).not.toBeNull()
    expect(well.passwords.get('weatherstation-S-1')).toBe(issued.credentials.password)
    const rotated = await provisioner.rotate(Station, 'S-1')
    expect(rotated.sinkErrors).toHaveLength(1)
    expect(await provisioner.verify(rotated.credentials)).not.toBeNull()
    await expect(provisioner.revoke(Station, 'S-1')).rejects.toMatchObject({
      code: 'sink_failed',
      message: expect.stringMatching(/revoked here/),
    })
    expect(await provisioner.verify(rotated.credentials)).toBeNull()
    expect(well.passwords.size).toBe(0)
    for (const { password } of [issued.credentials, rotated.credentials])
      expect(world.log.join()).not.toContain(password)
  })

  test('are synchronised with the devices that may connect now', async () => {
    const sink = memorySink()
    await using world = provisionWorld({ sinks: [sink] })
    const { provisioner, hub } = world
    const rows = ['A', 'B', 'C', 'D', 'E'].map((id) => ({ device_id: id }))
    await provisioner.importDevices(Station, { rows }, { output: () => {} })
    await provisioner.generateCredentials(Meter, 'A', { create: true })
    await provisioner.revoke(Station, 'B')
    await hub.devices.deactivate(Station, 'C')
    await provisioner.rotate(Station, 'D', { expiresAt: future(60_000) })
    await hub.devices.create(Station, { deviceId: 'F' })
    world.later(60_001)
    expect(await provisioner.sync()).toMatchObject([{ sink: 'memory', devices: 3 }])
    expect(sink.synced.map(({ username }) => username).sort()).toEqual([
      'meter-A',
      'weatherstation-A',
      'weatherstation-E',
    ])
    await provisioner.close()
    expect(sink.closed).toBe(true)
  })
})
