import { createBrokerAuth } from '@devicehub/broker-auth'
import { createDeviceClient } from '@devicehub/client'
import { createDeviceHub, defineDeviceType, reading, state } from '@devicehub/core'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { createProvisioner, mosquittoFiles } from '@devicehub/provision'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { Kysely } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createWorld, Station, type World } from './calls/world.js'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.hub.close({ timeout: '100ms' }))

const any = (value: unknown) => value as never
const url = 'mqtt://127.0.0.1:1'

async function closedHub(storage?: ReturnType<typeof kyselyStorage>) {
  const hub = createDeviceHub({ types: [Station], ...(storage && { storage }) })
  await hub.storage.migrate()
  await hub.close()
  return hub
}
const sqlite = () =>
  kyselyStorage({ db: new Kysely({ dialect: sqliteDialect({ file: ':memory:' }) }), closeDb: true })

/** Mistakes of newcomers, with the part of the error that says what to write instead. */
const ADVICE: [string, (to: World) => unknown, RegExp][] = [
  [
    'a client without deviceId',
    () => createDeviceClient(Station, any({ url })),
    /deviceId is missing; it must be a text of the letters a to z, digits, _ and -$/,
  ],
  [
    'a client of a device without a type',
    () => createDeviceClient(any({}), { url, deviceId: 'a' }),
    /type is missing; it must be the name of a device type$/,
  ],
  [
    'host and port of a listener',
    ({ hub }) => createMqttListener(hub, any({ host: 'localhost', port: 1883 })),
    /"host" is not known here; did you mean url\?/,
  ],
  [
    'host and port of a client',
    () => createDeviceClient(Station, any({ deviceId: 'a', host: 'localhost', port: 1883 })),
    /"host" is not known here; did you mean url\?/,
  ],
  [
    'an id in place of a device',
    ({ hub }) => hub.devices.create(Station, any('P-2')),
    /device must be an object such as \{ deviceId: 'STATION-001' \}, not a text/,
  ],
  [
    'a device without id',
    ({ hub }) => hub.devices.create(Station, any({ name: 'a' })),
    /deviceId is missing; it must be a text of the letters a to z/,
  ],
  [
    'an account without filters',
    ({ hub }) => createBrokerAuth(hub, { public: true, accounts: any({ a: { password: 'x'.repeat(16) } }) }),
    /publish is missing; it must be a list of topic filters$/,
  ],
  [
    'values of an enum one by one',
    () => reading.enum(any('a'), any('b')),
    /values as one list.*enum\(\['open'/,
  ],
  ['the same of a state', () => state.enum(any('a'), any('b')), /values as one list.*enum\(\['open'/],
  [
    'a list of readings',
    () => defineDeviceType('a', any({ readings: ['t'] })),
    /readings must be an object of fields by name such as \{ temperature: reading\.float\(\) \}, not a list/,
  ],
  [
    'a list of commands',
    () => defineDeviceType('a', any({ commands: ['t'] })),
    /commands must be an object of commands by name such as \{ reboot: command\(\) \}, not a list/,
  ],
  [
    'the interval of heartbeats by half its name',
    () => defineDeviceType('a', any({ heartbeat: 60 })),
    /did you mean heartbeatInterval\?/,
  ],
  ['a hub without types', () => createDeviceHub(any('a')), /an object of options \{ types \}, not a text/],
  [
    'an import without options',
    ({ hub }) => createProvisioner(hub).importDevices(Station, { count: 1 }, any(undefined)),
    /an object of options such as \{ output: \{ file: 'credentials\.csv' \} \}, not undefined/,
  ],
  [
    'an import without output',
    ({ hub }) => createProvisioner(hub).importDevices(Station, { count: 1 }, any({})),
    /output is missing; it must be a function, or \{ file \}: the secrets are shown there/,
  ],
  [
    "Mosquitto's files without reload",
    () => mosquittoFiles(any({ passwordFile: 'a', aclFile: 'b' })),
    /reload is missing; it must be a function, or \{ pid \}, or \{ pidFile \}$/,
  ],
  [
    'a closed hub, whose storage was in memory',
    async () => (await closedHub()).devices.list(Station),
    /closed, as hub\.close\(\) leaves it: to go on, create a new hub$/,
  ],
  [
    'a closed hub, whose storage was a database',
    async () => (await closedHub(sqlite())).devices.list(Station),
    /closed, as hub\.close\(\) leaves it: to go on, create a new hub$/,
  ],
]

test.each(ADVICE)('%s: the error says what to write', async (_, run, message) => {
  const call = async () => run(world)
  await expect(call()).rejects.toMatchObject({
    name: 'DeviceHubError',
    message: expect.stringMatching(message),
  })
})
