import type { ClaimKeyRecord, ClaimRequestRecord, CredentialWrite } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { device, deviceOf, Meter, newDevice, newId, Sensor, T0 } from '../fixtures.js'
import { errorOf, everyPage, freshStorage, type StorageContract, sharedStorage } from '../harness.js'
import { credentialsOf, foundBy, issue, keyOf, password, provision } from './credential-fixtures.js'

const claimKey = (more: Partial<ClaimKeyRecord> = {}): ClaimKeyRecord => ({
  id: newId('key'),
  lookup: newId('lookup'),
  typeKey: Sensor.key,
  name: 'batch 7 "ü"',
  createsDevices: false,
  labels: {},
  idPrefix: '',
  maxUses: 10,
  uses: 0,
  createdAt: T0,
  expiresAt: T0 + 1000,
  revokedAt: null,
  ...more,
})

export function claimContract(contract: StorageContract): void {
  describe('claims', () => {
    const shared = sharedStorage(contract)

    async function newKey(more: Partial<ClaimKeyRecord> = {}): Promise<ClaimKeyRecord> {
      const key = claimKey(more)
      await shared.storage.claims.createKey(key)
      return key
    }

    const usesOf = async ({ lookup }: ClaimKeyRecord) => (await shared.other.claims.findKey(lookup))?.uses

    const request = (
      { id: keyId }: ClaimKeyRecord,
      deviceId: string,
      more: Partial<ClaimRequestRecord> = {},
      write: Partial<CredentialWrite> = {},
    ): ClaimRequestRecord => ({
      keyId,
      proof: `proof of ${deviceId}`,
      write: issue(deviceId, [password()], {
        retire: { kinds: ['password', 'api_key'], at: T0 },
        ...write,
      }),
      now: T0,
      ...more,
    })
    const claim = (...args: Parameters<typeof request>) => shared.storage.claims.claim(request(...args))

    test('a key is found by what it is looked up by, as it was made, until it is withdrawn', async () => {
      const { storage, other } = shared
      const key = await newKey({
        createsDevices: true,
        idPrefix: 'ACME-',
        labels: { customer: 'acme' },
        maxUses: 2 ** 40,
      })
      expect(await other.claims.findKey(key.lookup)).toEqual(key)
      for (const none of [key.lookup.toUpperCase(), `${key.lookup} `, '', 'a\0b'])
        expect(await other.claims.findKey(none)).toBeNull()
      expect(await storage.claims.revokeKey(key.id, T0 + 5)).toBe(true)
      expect(await storage.claims.revokeKey(key.id, T0 + 6)).toBe(false)
      expect(await storage.claims.revokeKey(newId('none'), T0)).toBe(false)
      expect(await storage.claims.revokeKey('a\0b', T0)).toBe(false)
      expect(await other.claims.findKey(key.lookup)).toEqual({ ...key, revokedAt: T0 + 5 })
    })

    test('ids and keys are unique', async () => {
      const { storage } = shared
      const key = await newKey()
      for (const taken of [{ id: key.id }, { lookup: key.lookup }])
        await expect(storage.claims.createKey(claimKey(taken))).rejects.toEqual(errorOf('storage_failed'))
    })

    test('keys are listed newest first, page by page', async () => {
      await using opened = await freshStorage(contract)
      const { claims } = opened.storage
      expect(await claims.listKeys({ limit: 5 })).toEqual({ items: [], cursor: null })
      const keys = Array.from({ length: 7 }, (_, index) =>
        claimKey({ createdAt: T0 + Math.floor(index / 2) }),
      )
      for (const key of keys) await claims.createKey(key)
      const { items, sizes } = await everyPage((cursor) =>
        claims.listKeys({ limit: 3, ...(cursor === undefined ? {} : { cursor }) }),
      )
      expect(items).toEqual([...keys].reverse())
      expect(sizes).toEqual([3, 3, 1])
      await expect(claims.listKeys({ limit: 1, cursor: 'devices.1.x' })).rejects.toEqual(
        errorOf('invalid_query'),
      )
    })

    test('a registered device is claimed: credentials, one use, told as a change', async () => {
      const { storage, other } = shared
      const [key, deviceId] = [await newKey(), await newDevice(storage, Sensor)]
      const login = password()
      const { position } = await other.credentials.changes(null, 10)
      expect(await claim(key, deviceId, {}, { add: [login], username: login.lookup, onlyNew: true })).toBe(
        'claimed',
      )
      expect(await usesOf(key)).toBe(1)
      expect(await foundBy(other, 'password', login.lookup)).toMatchObject([{ deviceId }])
      expect(await deviceOf(other, Sensor, deviceId)).toMatchObject({ mqttUsername: login.lookup })
      expect((await other.credentials.changes(position, 10)).devices).toEqual([keyOf(deviceId)])
    })

    test('one that is not registered is only made when the key allows it', async () => {
      const { storage } = shared
      const [key, deviceId] = [await newKey(), newId()]
      expect(await claim(key, deviceId)).toBe('device_not_found')
      expect(await storage.devices.find(Sensor, [deviceId])).toEqual([])
      expect(await usesOf(key)).toBe(0)
      expect(await claim(key, deviceId, {}, { create: device(Sensor, deviceId, { name: 'made' }) })).toBe(
        'claimed',
      )
      expect(await deviceOf(storage, Sensor, deviceId)).toMatchObject({ name: 'made' })
      expect(await usesOf(key)).toBe(1)
    })

    test('with the proof of its claim a device comes again, and counts no further use', async () => {
      const { storage } = shared
      const [key, deviceId] = [await newKey({ maxUses: 1 }), await newDevice(storage, Sensor)]
      expect(await claim(key, deviceId)).toBe('claimed')
      const again = password()
      expect(await claim(key, deviceId, { now: T0 + 1 }, { add: [again] })).toBe('repeated')
      expect((await credentialsOf(storage, deviceId)).map(({ id }) => id)).toEqual([again.id])
      expect(await usesOf(key)).toBe(1)
      expect(await claim(key, deviceId, { proof: 'another' })).toBe('key_refused')
      const open = await newKey()
      expect(await claim(open, deviceId, { proof: 'another' })).toBe('device_claimed')
      expect(await claim(open, deviceId, { proof: `PROOF of ${deviceId}` })).toBe('device_claimed')
      expect((await credentialsOf(storage, deviceId)).map(({ id }) => id)).toEqual([again.id])
      expect(await usesOf(open)).toBe(0)
    })

    test('a device that had credentials without a claim, and has none any more, is not claimed', async () => {
      const { storage } = shared
      const key = await newKey()
      const deviceId = await newDevice(storage, Sensor)
      const given = password()
      await storage.credentials.write([issue(deviceId, [given], { username: given.lookup })])
      await storage.credentials.write([issue(deviceId, [], { retire: { kinds: ['password'], at: T0 } })])
      expect(await credentialsOf(storage, deviceId)).toEqual([])
      expect(await claim(key, deviceId)).toBe('device_claimed')
      expect(await credentialsOf(storage, deviceId)).toEqual([])
    })

    test('a device whose credentials were withdrawn does not get others for the proof', async () => {
      const { storage } = shared
      const [key, deviceId] = [await newKey(), await newDevice(storage, Sensor)]
      expect(await claim(key, deviceId)).toBe('claimed')
      const retire = { kinds: ['password', 'api_key'], at: T0 + 10 } as const
      await storage.credentials.write([issue(deviceId, [], { retire })])
      expect(await claim(key, deviceId, { now: T0 + 10 })).toBe('device_claimed')
      await storage.credentials.write([issue(deviceId, [], { retire: { ...retire, at: T0 } })])
      expect(await claim(key, deviceId)).toBe('device_claimed')
      expect(await credentialsOf(storage, deviceId)).toEqual([])
    })

    test('one that has credentials of another origin cannot be claimed', async () => {
      const { storage } = shared
      const [key, deviceId] = [await newKey(), await newDevice(storage, Sensor)]
      const given = password({ expiresAt: T0 - 1 })
      await storage.credentials.write([issue(deviceId, [given])])
      expect(await claim(key, deviceId)).toBe('device_claimed')
      expect((await credentialsOf(storage, deviceId)).map(({ id }) => id)).toEqual([given.id])
    })

    test('an inactive one cannot, claimed before or not', async () => {
      const { storage } = shared
      const [key, deviceId] = [await newKey(), await newDevice(storage, Sensor, { isActive: false })]
      expect(await claim(key, deviceId)).toBe('device_inactive')
      expect(await credentialsOf(storage, deviceId)).toEqual([])
      await storage.devices.update(Sensor, deviceId, { isActive: true }, T0)
      expect(await claim(key, deviceId)).toBe('claimed')
      await storage.devices.update(Sensor, deviceId, { isActive: false }, T0)
      expect(await claim(key, deviceId)).toBe('device_inactive')
    })

    test.each([
      ['expired', { expiresAt: T0 }],
      ['withdrawn', { revokedAt: T0 - 1 }],
      ['used up', { uses: 10 }],
      ['unknown', null],
    ])('a key that is %s is refused, and nothing is written', async (_, more) => {
      const { storage } = shared
      const [key, deviceId] = [more ? await newKey(more) : claimKey(), await newDevice(storage, Sensor)]
      expect(await claim(key, deviceId)).toBe('key_refused')
      expect(await credentialsOf(storage, deviceId)).toEqual([])
      expect(await usesOf(key)).toBe(more ? key.uses : undefined)
      const fresh = newId()
      expect(await claim(key, fresh, {}, { create: device(Sensor, fresh) })).toBe('key_refused')
      expect(await storage.devices.find(Sensor, [fresh])).toEqual([])
    })

    test('a key that is dead by then gives nothing to the proof either', async () => {
      const { storage } = shared
      const [key, deviceId] = [await newKey(), await newDevice(storage, Sensor)]
      expect(await claim(key, deviceId)).toBe('claimed')
      expect(await claim(key, deviceId, { now: key.expiresAt })).toBe('key_refused')
      await storage.claims.revokeKey(key.id, T0)
      expect(await claim(key, deviceId)).toBe('key_refused')
    })

    test('credentials that are taken undo the claim', async () => {
      const { storage } = shared
      const [key, deviceId, holder] = [await newKey(), newId(), await newDevice(storage, Meter)]
      const login = password()
      await storage.credentials.write([issue(holder, [login], { type: Meter })])
      const create = device(Sensor, deviceId)
      await expect(
        claim(key, deviceId, {}, { create, add: [password({ lookup: login.lookup })] }),
      ).rejects.toEqual(errorOf('credential_taken'))
      expect(await storage.devices.find(Sensor, [deviceId])).toEqual([])
      expect(await usesOf(key)).toBe(0)
      expect(await claim(key, deviceId, {}, { create })).toBe('claimed')
    })

    test('a claim is gone with its device; a device of another type has its own', async () => {
      const { storage } = shared
      const [key, deviceId] = [await newKey(), await newDevice(storage, Sensor)]
      expect(await claim(key, deviceId)).toBe('claimed')
      await storage.devices.create(Meter, device(Meter, deviceId))
      expect(await claim(await newKey({ typeKey: Meter.key }), deviceId, {}, { type: Meter })).toBe('claimed')
      await storage.devices.delete(Sensor, deviceId, T0)
      await storage.devices.create(Sensor, device(Sensor, deviceId))
      expect(await claim(key, deviceId, { proof: 'of its next owner' })).toBe('claimed')
      expect(await usesOf(key)).toBe(2)
    })

    test('of many claims at once a key serves as many as it may', async () => {
      const { storage, other } = shared
      const key = await newKey({ maxUses: 5 })
      const ids = Array.from({ length: 16 }, () => newId())
      const outcomes = await Promise.all(
        ids.map((id, index) =>
          (index % 2 ? storage : other).claims.claim(request(key, id, {}, { create: device(Sensor, id) })),
        ),
      )
      expect(outcomes.filter((outcome) => outcome === 'claimed')).toHaveLength(5)
      expect(outcomes.filter((outcome) => outcome === 'key_refused')).toHaveLength(11)
      expect(await usesOf(key)).toBe(5)
      expect(await storage.devices.find(Sensor, ids)).toHaveLength(5)
    })

    test('of many that want one device at once, with several keys, one gets it', async () => {
      const { storage, other } = shared
      const keys = [await newKey(), await newKey(), await newKey()]
      for (const create of [true, false]) {
        const deviceId = create ? newId() : await newDevice(storage, Sensor)
        const outcomes = await Promise.all(
          Array.from({ length: 9 }, (_, index) =>
            (index % 2 ? storage : other).claims.claim(
              request(
                keys[index % 3] as ClaimKeyRecord,
                deviceId,
                { proof: `proof ${index}` },
                { create: create ? device(Sensor, deviceId) : null },
              ),
            ),
          ),
        )
        expect([...outcomes].sort()).toEqual(['claimed', ...Array(8).fill('device_claimed')])
        expect(await credentialsOf(storage, deviceId)).toHaveLength(1)
      }
      const uses = await Promise.all(keys.map(usesOf))
      expect(uses.reduce<number>((sum, one) => sum + (one ?? 0), 0)).toBe(2)
    })

    test('claims, writes and deletions of the same devices at once come to an end', async () => {
      const { storage, other } = shared
      const key = await newKey({ maxUses: 1000 })
      const ids = Array.from({ length: 6 }, () => newId())
      await Promise.all(
        Array.from({ length: 24 }, async (_, index) => {
          const one = index % 2 ? storage : other
          const id = ids[index % ids.length] as string
          const create = device(Sensor, id)
          if (index % 4 === 0) await one.devices.delete(Sensor, id, T0)
          else if (index % 4 === 1) await one.claims.claim(request(key, id, { proof: 'p' }, { create }))
          else if (index % 4 === 2)
            await one.credentials.write(ids.map((each) => provision(each, [password()], { onlyNew: false })))
          else await one.devices.update(Sensor, id, { isActive: true }, T0)
        }),
      )
      const devices = new Set((await storage.devices.find(Sensor, ids)).map(({ deviceId }) => deviceId))
      for (const { deviceId } of await storage.credentials.ofDevices(Sensor, ids))
        expect(devices.has(deviceId), `${deviceId} has credentials`).toBe(true)
    })
  })
}
