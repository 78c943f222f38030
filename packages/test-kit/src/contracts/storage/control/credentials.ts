import { describe, expect, test } from 'vitest'
import { device, deviceOf, Meter, newDevice, newId, Sensor, T0 } from '../fixtures.js'
import { errorOf, freshStorage, type StorageContract, sharedStorage } from '../harness.js'
import {
  apiKey,
  credentialsOf,
  foundBy,
  issue,
  password,
  provision,
  recordOf,
} from './credential-fixtures.js'

export function credentialContract(contract: StorageContract): void {
  describe('credentials', () => {
    const shared = sharedStorage(contract)

    test('are found by user name and by API key, with the state of their device', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor)
      const [login, key] = [password({ expiresAt: T0 - 5 }), apiKey()]
      expect(await storage.credentials.write([issue(deviceId, [login, key])])).toEqual(['updated'])
      const found = (credential: typeof login, isActive: boolean) => ({
        ...recordOf(deviceId, credential),
        isActive,
      })
      expect(await foundBy(other, 'password', login.lookup, 'nobody')).toEqual([found(login, true)])
      expect(await foundBy(other, 'api_key', key.lookup, key.lookup)).toEqual([found(key, true)])
      expect(await foundBy(other, 'password', key.lookup)).toEqual([])
      expect(await credentialsOf(other, deviceId)).toEqual([
        recordOf(deviceId, login),
        recordOf(deviceId, key),
      ])
      await storage.devices.update(Sensor, deviceId, { isActive: false }, T0)
      expect(await foundBy(other, 'api_key', key.lookup)).toEqual([found(key, false)])
      expect(await foundBy(other, 'password')).toEqual([])
    })

    test('of the longest names, and of letters of every kind, are kept to the letter', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const long = password({
        id: newId('i').padEnd(64, 'x'),
        lookup: newId('u').padEnd(255, 'ü'),
        hash: 'h'.repeat(512),
      })
      const odd = password({ lookup: `${newId('u')} 🌡️ "q" 'q' \\ % _ \x1e \x1f`, hash: '$scrypt$\x1f$' })
      await storage.credentials.write([issue(deviceId, [long, odd])])
      expect(
        (await foundBy(storage, 'password', long.lookup, odd.lookup)).map(({ isActive: _, ...rest }) => rest),
      ).toEqual(await credentialsOf(storage, deviceId))
      expect(await credentialsOf(storage, deviceId)).toEqual(
        [recordOf(deviceId, long), recordOf(deviceId, odd)].sort((a, b) => (a.id < b.id ? -1 : 1)),
      )
    })

    test('are compared to the letter: case, accents, trailing spaces', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const login = password({ lookup: `${newId('user')}-é` })
      await storage.credentials.write([issue(deviceId, [login])])
      for (const near of [
        login.lookup.toUpperCase(),
        `${login.lookup} `,
        ` ${login.lookup}`,
        login.lookup.replace('é', 'e'),
        login.lookup.normalize('NFD'),
        `${login.lookup}%`,
      ])
        expect(await foundBy(storage, 'password', near), JSON.stringify(near)).toEqual([])
      // None of them is taken, either.
      const second = await newDevice(storage, Sensor)
      await storage.credentials.write([issue(second, [password({ lookup: login.lookup.toUpperCase() })])])
    })

    test('a look-up of what nobody can have finds nothing, and those beside it are found', async () => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const login = password({ lookup: `${newId('user')}-\ufffd` })
      await storage.credentials.write([issue(deviceId, [login])])
      const half = login.lookup.replace('\ufffd', '\ud800')
      const odd = ['', 'a\0b', half, 'x'.repeat(65_536), "' or 1=1 --", '\x1f']
      expect(await foundBy(storage, 'password', ...odd)).toEqual([])
      expect(await foundBy(storage, 'password', ...odd, login.lookup)).toMatchObject([{ id: login.id }])
    })

    test.each([
      ['no id', { id: '' }],
      ['too long an id', { id: 'x'.repeat(65) }],
      ['no user name', { lookup: '' }],
      ['too long a user name', { lookup: 'x'.repeat(256) }],
      ['too long a hash', { hash: 'x'.repeat(513) }],
      ['NUL', { lookup: 'a\0b' }],
      ['half a letter', { hash: 'a\ud800' }],
    ])('%s is refused with `storage_failed`, with all that is written beside it', async (_, more) => {
      const { storage } = shared
      const deviceId = await newDevice(storage, Sensor)
      const writes = [issue(deviceId, [password()]), issue(deviceId, [password(more)])]
      await expect(storage.credentials.write(writes)).rejects.toEqual(errorOf('storage_failed'))
      expect(await credentialsOf(storage, deviceId)).toEqual([])
    })

    test('a user name of a password belongs to one device of whatever type; so does an API key', async () => {
      const { storage, other } = shared
      const [a, b] = [await newDevice(storage, Sensor), await newDevice(storage, Meter)]
      const [login, key] = [password(), apiKey()]
      await storage.credentials.write([issue(a, [login, key, password({ lookup: login.lookup })])])
      for (const add of [password({ lookup: login.lookup }), apiKey({ lookup: key.lookup })]) {
        const fresh = newId()
        const writes = [provision(fresh, [password()]), issue(b, [add], { type: Meter })]
        await expect(other.credentials.write(writes)).rejects.toEqual(errorOf('credential_taken'))
        expect(await storage.devices.find(Sensor, [fresh])).toEqual([])
        expect(await credentialsOf(storage, b, Meter)).toEqual([])
      }
      // What is no password's user name is free.
      await storage.credentials.write([issue(b, [password({ lookup: key.lookup })], { type: Meter })])
      await storage.devices.delete(Sensor, a, T0)
      await storage.credentials.write([issue(b, [password({ lookup: login.lookup })], { type: Meter })])
    })

    test("a device's user name belongs to one device of its type", async () => {
      const { storage } = shared
      const [username, second] = [newId('user'), await newDevice(storage, Sensor)]
      await newDevice(storage, Sensor, { mqttUsername: username })
      const fresh = newId()
      for (const write of [issue(second, [password()], { username }), provision(newId(), [], { username })])
        await expect(storage.credentials.write([provision(fresh, [password()]), write])).rejects.toEqual(
          errorOf('credential_taken'),
        )
      expect(await storage.devices.find(Sensor, [fresh])).toEqual([])
      expect(await credentialsOf(storage, second)).toEqual([])
      const meter = await newDevice(storage, Meter)
      expect(await storage.credentials.write([issue(meter, [], { type: Meter, username })])).toEqual([
        'updated',
      ])
    })

    test('are gone with their device, and not those of the same id in another type', async () => {
      const { storage, other } = shared
      const deviceId = await newDevice(storage, Sensor)
      await storage.devices.create(Meter, device(Meter, deviceId))
      const [login, meters] = [password(), password()]
      await storage.credentials.write([issue(deviceId, [login]), issue(deviceId, [meters], { type: Meter })])
      await other.devices.delete(Sensor, deviceId, T0)
      expect(await foundBy(storage, 'password', login.lookup, meters.lookup)).toMatchObject([
        { id: meters.id, typeKey: Meter.key },
      ])
      await storage.devices.create(Sensor, device(Sensor, deviceId))
      expect(await credentialsOf(storage, deviceId)).toEqual([])
    })

    test('of a type that a hub does not know are not told, and still taken', async () => {
      await using opened = await freshStorage(contract)
      const { storage } = opened
      const meter = await newDevice(storage, Meter)
      const login = password()
      await storage.credentials.write([issue(meter, [login], { type: Meter })])
      const sensors = await opened.second([Sensor])
      if (sensors === storage) return
      expect(await foundBy(sensors, 'password', login.lookup)).toEqual([])
      const sensor = await newDevice(sensors, Sensor)
      await expect(sensors.credentials.ofDevices(Meter, [meter])).rejects.toEqual(errorOf('unknown_type'))
      await expect(
        sensors.credentials.write([issue(sensor, [password({ lookup: login.lookup })])]),
      ).rejects.toEqual(errorOf('credential_taken'))
    })

    test('a thousand are found at once, and more are written and written again', async () => {
      const { storage, other } = shared
      const all = Array.from({ length: 1_200 }, (_, index) => {
        const type = index % 3 === 0 ? Meter : Sensor
        const login = password()
        return { type, login, write: provision(newId(), [login, apiKey()], { type, username: login.lookup }) }
      })
      const writes = all.map(({ write }) => write)
      expect(new Set(await storage.credentials.write(writes))).toEqual(new Set(['created']))
      const lookups = all.slice(100, 1_100).map(({ login }) => login.lookup)
      const found = await other.credentials.find('password', lookups)
      expect(found.map(({ lookup }) => lookup).sort()).toEqual([...lookups].sort())
      expect(found.every(({ isActive }) => isActive)).toBe(true)
      const ids = all.filter(({ type }) => type === Meter).map(({ write }) => write.deviceId)
      expect(await other.credentials.ofDevices(Meter, ids)).toHaveLength(800)
      const renamed = all.map(({ type, write }) => {
        const login = password()
        const retire = { kinds: ['password'] as const, at: T0 }
        return issue(write.deviceId, [login], { type, retire, username: login.lookup })
      })
      expect(new Set(await storage.credentials.write(renamed))).toEqual(new Set(['updated']))
      expect(await other.credentials.find('password', lookups)).toEqual([])
      const names = renamed.map(({ username }) => username as string)
      expect(await other.credentials.find('password', names)).toHaveLength(1_200)
      const [last] = renamed.slice(-1)
      expect((await deviceOf(other, Sensor, last?.deviceId ?? '')).mqttUsername).toBe(last?.username)
    })

    test('an unknown type is refused, and nothing to write is nothing', async () => {
      const { storage } = shared
      const unknown = { ...Meter, key: 'nowhere', name: 'Nowhere' }
      await expect(storage.credentials.write([issue('d', [], { type: unknown })])).rejects.toEqual(
        errorOf('unknown_type'),
      )
      expect(await storage.credentials.write([])).toEqual([])
      expect(await storage.credentials.ofDevices(Sensor, [])).toEqual([])
    })
  })
}
