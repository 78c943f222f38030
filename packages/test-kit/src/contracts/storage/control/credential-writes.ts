import { describe, expect, test } from 'vitest'
import { device, deviceOf, newDevice, newId, Sensor, T0 } from '../fixtures.js'
import { errorOf, type StorageContract, sharedStorage } from '../harness.js'
import { apiKey, credentialsOf, foundBy, issue, password, provision } from './credential-fixtures.js'

export function credentialWriteContract(contract: StorageContract): void {
  describe('writes of credentials', () => {
    const shared = sharedStorage(contract)

    test('a write with `create` creates the device with its user name', async () => {
      const { storage } = shared
      const [made, missing] = [newId(), newId()]
      const login = password()
      const create = device(Sensor, made, { name: 'kept', mqttUsername: 'overwritten', isActive: false })
      expect(
        await storage.credentials.write([
          provision(made, [login], { create, username: login.lookup }),
          issue(missing, [password()]),
        ]),
      ).toEqual(['created', 'device_not_found'])
      expect(await deviceOf(storage, Sensor, made)).toEqual({ ...create, mqttUsername: login.lookup })
      expect(await storage.devices.find(Sensor, [missing])).toEqual([])
      expect(await foundBy(storage, 'password', login.lookup)).toMatchObject([{ isActive: false }])
    })

    test('with `onlyNew` an existing device is not changed', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor, { mqttUsername: newId('user') })
      const before = await deviceOf(storage, Sensor, deviceId)
      const write = provision(deviceId, [password()], {
        retire: { kinds: ['password'], at: T0 },
        username: 'x',
      })
      expect(await storage.credentials.write([write])).toEqual(['existing'])
      expect(await credentialsOf(storage, deviceId)).toEqual([])
      expect(await deviceOf(storage, Sensor, deviceId)).toEqual(before)
    })

    test('with `onlyWithout` a device with a valid credential of these kinds is not changed, even by concurrent calls', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor)
      const expired = password({ expiresAt: T0 })
      await storage.credentials.write([issue(deviceId, [expired, apiKey()])])
      const first = () =>
        issue(deviceId, [password()], { onlyWithout: ['password'], retire: { kinds: ['password'], at: T0 } })
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, n) => (n % 2 ? storage : other).credentials.write([first()])),
      )
      expect(outcomes.flat().sort()).toEqual([...Array(7).fill('has_credentials'), 'updated'])
      const kinds = (await credentialsOf(storage, deviceId)).map(({ kind }) => kind)
      expect(kinds.sort()).toEqual(['api_key', 'password'])
      const again = {
        ...first(),
        add: (await credentialsOf(storage, deviceId)).filter((one) => one.kind === 'password'),
      }
      expect(await storage.credentials.write([again])).toEqual(['updated'])
      expect(await storage.credentials.write([{ ...first(), onlyWithout: ['api_key'] }])).toEqual([
        'has_credentials',
      ])
    })

    test('writes of one call apply in order', async () => {
      const { storage } = shared
      const [a, b] = [newId(), await newDevice(storage, Sensor)]
      const login = password()
      await storage.credentials.write([issue(b, [login], { username: login.lookup })])
      const again = password({ lookup: login.lookup })
      expect(
        await storage.credentials.write([
          issue(b, [], { retire: { kinds: ['password'], at: T0 }, username: null, now: T0 + 1 }),
          provision(a, [again], { username: again.lookup }),
          provision(a, [password()]),
          issue(a, [], { username: newId('renamed') }),
        ]),
      ).toEqual(['updated', 'created', 'existing', 'updated'])
      expect(await foundBy(storage, 'password', login.lookup)).toMatchObject([{ id: again.id, deviceId: a }])
      expect(await deviceOf(storage, Sensor, b)).toMatchObject({ mqttUsername: null, updatedAt: T0 + 1 })
      expect((await deviceOf(storage, Sensor, a)).mqttUsername).toMatch('renamed')
    })

    test('two devices can swap their user names', async () => {
      const { storage } = shared
      const names = [newId('user'), newId('user')] as const
      const [a, b] = [
        await newDevice(storage, Sensor, { mqttUsername: names[0] }),
        await newDevice(storage, Sensor, { mqttUsername: names[1] }),
      ]
      await storage.credentials.write([
        issue(a, [], { username: null }),
        issue(b, [], { username: names[0] }),
        issue(a, [], { username: names[1] }),
      ])
      expect((await deviceOf(storage, Sensor, a)).mqttUsername).toBe(names[1])
      expect((await deviceOf(storage, Sensor, b)).mqttUsername).toBe(names[0])
      await expect(newDevice(storage, Sensor, { mqttUsername: names[1] })).rejects.toEqual(
        errorOf('credential_taken'),
      )
    })

    test('retired credentials of a kind expire at that time at the latest; expired ones are deleted', async () => {
      const { storage, other } = shared
      const [deviceId, bystander] = [await newDevice(storage, Sensor), await newDevice(storage, Sensor)]
      const endless = password({ lookup: `u${deviceId}` })
      const early = password({ lookup: endless.lookup, expiresAt: T0 + 10 })
      const over = password({ lookup: endless.lookup, expiresAt: T0 })
      const key = apiKey({ expiresAt: T0 - 1 })
      await storage.credentials.write([
        issue(deviceId, [endless, early, over, key]),
        issue(bystander, [password()]),
      ])
      const next = password({ lookup: endless.lookup })
      await storage.credentials.write([
        issue(deviceId, [next], { retire: { kinds: ['password'], at: T0 + 20 }, now: T0 }),
      ])
      const ends = async () =>
        Object.fromEntries((await credentialsOf(other, deviceId)).map(({ id, expiresAt }) => [id, expiresAt]))
      expect(await ends()).toEqual({
        [endless.id]: T0 + 20,
        [early.id]: T0 + 10,
        [next.id]: null,
        [key.id]: T0 - 1,
      })
      await storage.credentials.write([
        issue(deviceId, [], { retire: { kinds: ['password'], at: T0 + 40 }, now: T0 + 10 }),
      ])
      expect(await ends()).toEqual({ [endless.id]: T0 + 20, [next.id]: T0 + 40, [key.id]: T0 - 1 })
      await storage.credentials.write([
        issue(deviceId, [], { retire: { kinds: ['password', 'api_key'], at: T0 + 11 }, now: T0 + 11 }),
      ])
      expect(await ends()).toEqual({})
      expect(await foundBy(other, 'password', endless.lookup)).toEqual([])
      expect(await credentialsOf(other, bystander)).toHaveLength(1)
    })

    test('a write repeated after a lost answer changes nothing and does not retire what it issued', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const old = password({ lookup: `u${deviceId}` })
      await storage.credentials.write([issue(deviceId, [old])])
      const fresh = password({ lookup: old.lookup })
      const rotation = issue(deviceId, [fresh], { retire: { kinds: ['password'], at: T0 + 60 } })
      const made = newId()
      const bulk = provision(made, [password()])
      expect(await storage.credentials.write([rotation, bulk])).toEqual(['updated', 'created'])
      const before = [await credentialsOf(storage, deviceId), await credentialsOf(storage, made)]
      expect(await storage.credentials.write([rotation, bulk])).toEqual(['updated', 'created'])
      expect([await credentialsOf(storage, deviceId), await credentialsOf(storage, made)]).toEqual(before)
      expect(before[0]).toMatchObject([{ expiresAt: T0 + 60 }, { expiresAt: null }])
    })

    test('an id is unique', async () => {
      const { storage } = shared
      const [a, b] = [await newDevice(storage, Sensor), await newDevice(storage, Sensor)]
      const login = password()
      await storage.credentials.write([issue(a, [login])])
      const writes = [issue(b, [password()]), issue(b, [{ ...login, lookup: newId('user') }])]
      await expect(storage.credentials.write(writes)).rejects.toEqual(errorOf('storage_failed'))
      expect(await credentialsOf(storage, b)).toEqual([])
    })

    test('of several that ask for one user name at once, one gets it', async () => {
      const { storage, other } = shared
      const lookup = newId('user')
      const results = await Promise.allSettled(
        Array.from({ length: 8 }, (_, index) =>
          (index % 2 ? storage : other).credentials.write([provision(newId(), [password({ lookup })])]),
        ),
      )
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      for (const result of results)
        if (result.status === 'rejected') expect(result.reason).toEqual(errorOf('credential_taken'))
      expect(await foundBy(storage, 'password', lookup)).toHaveLength(1)
    })

    test('devices created by others meanwhile do not fail the call', async () => {
      const { storage, other } = shared
      for (let round = 0; round < 5; round++) {
        const ids = Array.from({ length: 20 }, () => newId())
        const [outcomes] = await Promise.all([
          storage.credentials.write(ids.map((id) => provision(id, [password()], { onlyNew: false }))),
          other.devices.ensure(
            Sensor,
            [...ids].reverse().map((id) => device(Sensor, id)),
          ),
          ...ids.map((id) =>
            other.devices.create(Sensor, device(Sensor, id)).catch((error: unknown) => {
              expect(error).toEqual(errorOf('device_exists'))
            }),
          ),
        ])
        expect(outcomes.every((outcome) => outcome === 'created' || outcome === 'updated')).toBe(true)
        expect(await storage.credentials.ofDevices(Sensor, ids)).toHaveLength(20)
      }
    })
  })
}
