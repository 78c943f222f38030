import { createDeviceClient } from '@devicehub/client'
import { command, createDeviceHub, defineDeviceType, memoryStorage, reading, state } from '@devicehub/core'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { createProvisioner } from '@devicehub/provision'
import { createSignals } from '@devicehub/signals'
import { guardPool, kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { createTcpProxy, waitUntil } from '@devicehub/test-kit'
import { Kysely } from 'kysely'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { createWorld, Station, type World } from './calls/world.js'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.hub.close({ timeout: '100ms' }))

const any = (value: unknown) => value as never
const db = new Kysely({ dialect: sqliteDialect({ file: ':memory:' }) })
const url = 'mqtt://127.0.0.1:1'

/** Each of them was once ignored in silence, passed on, or a raw TypeError. */
const REFUSED: [string, (to: World) => unknown, string, RegExp][] = [
  [
    'another name of a range',
    ({ hub }) => hub.readings.list(Station, any({ start: new Date() })),
    'invalid_query',
    /^readings\.list: "start" is not known here/,
  ],
  [
    'a text for a time',
    ({ hub }) => hub.readings.list(Station, any({ from: '2026' })),
    'invalid_query',
    /from must be a valid Date/,
  ],
  [
    'SQL for a direction',
    ({ hub }) => hub.readings.list(Station, any({ order: 'desc;drop table billing--' })),
    'invalid_query',
    /order must be one of asc, desc/,
  ],
  [
    'another name of an order',
    ({ hub }) => hub.readings.list(Station, any({ orderBy: 'asc' })),
    'invalid_query',
    /"orderBy" is not known here; did you mean order\?/,
  ],
  [
    'another name of a device',
    ({ hub }) => hub.messages.list(Station, any({ device: 'S-1' })),
    'invalid_query',
    /^messages\.list: "device" is not known here; did you mean deviceId\?/,
  ],
  [
    'the id of a device',
    ({ hub }) => hub.devices.update(Station, 'S-1', any({ deviceId: 'S-2' })),
    'invalid_payload',
    /"deviceId" is not known here/,
  ],
  [
    'the user name of a device',
    ({ hub }) => hub.devices.update(Station, 'S-1', any({ mqttUsername: 'another' })),
    'invalid_payload',
    /"mqttUsername" is not known here/,
  ],
  [
    'a NUL in a search',
    ({ hub }) => hub.devices.list(Station, { search: 'a\0' }),
    'invalid_query',
    /search must be a text/,
  ],
  [
    'a misspelt storage',
    () => createDeviceHub(any({ types: [Station], storge: memoryStorage() })),
    'invalid_options',
    /^createDeviceHub: "storge" is not known here; did you mean storage\?/,
  ],
  [
    'a database for a storage',
    () => createDeviceHub({ types: [Station], storage: any(db) }),
    'invalid_options',
    /storage must be a storage such as memoryStorage\(\) or kyselyStorage\(\{ db \}\).*, not a Kysely/,
  ],
  [
    'a type for types',
    () => createDeviceHub(any({ types: Station })),
    'invalid_options',
    /types must be a list/,
  ],
  [
    'no options at all',
    () => createDeviceHub(any(undefined)),
    'invalid_options',
    /options must be an object of options \{ types \}, not undefined/,
  ],
  [
    'a misspelt prefix of a hub',
    () => createDeviceHub(any({ types: [Station], topicPrefx: 'a' })),
    'invalid_options',
    /did you mean topicPrefix\?/,
  ],
  [
    'signals that were left out',
    () => (createDeviceHub({ types: [Station] }).signals as unknown as { on(): void }).on(),
    'invalid_options',
    /hub\.signals\.on: this hub has no signals; pass createDeviceHub\(\{ signals: createSignals\(\) \}\)/,
  ],
  [
    'a made up event',
    ({ hub }) => hub.sessions.report(any({ type: Station, deviceId: 'S-1', event: 'x', source: 'a' })),
    'invalid_options',
    /event must be one of connected, disconnected/,
  ],
  [
    'a time that is none',
    ({ hub }) =>
      hub.sessions.report({
        type: Station,
        deviceId: 'S-1',
        event: 'connected',
        at: any(Number.NaN),
        source: 'a',
      }),
    'invalid_options',
    /at must be a valid Date/,
  ],
  [
    'a client id of a listener',
    ({ hub }) => createMqttListener(hub, any({ url, clientID: 'a' })),
    'invalid_options',
    /"clientID" is not known here; did you mean clientId\?/,
  ],
  [
    'a line end in a name',
    ({ hub }) => createMqttListener(hub, { url, name: 'a\nb' }),
    'invalid_options',
    /name must be a text of 1 to 64 characters without control characters/,
  ],
  [
    'a negative pause of a listener',
    ({ hub }) => createMqttListener(hub, { url, reconnect: { min: -1 } }),
    'invalid_options',
    /reconnect\.min must be a duration from 1ms/,
  ],
  [
    'a client id of a client',
    () => createDeviceClient(Station, any({ url, deviceId: 'S-1', clientID: 'a' })),
    'invalid_options',
    /did you mean clientId\?/,
  ],
  [
    'a prefix of a client',
    () => createDeviceClient(Station, any({ url, deviceId: 'S-1', topicPrefx: 'a' })),
    'invalid_options',
    /did you mean topicPrefix\?/,
  ],
  [
    'a negative pause of a client',
    () => createDeviceClient(Station, { url, deviceId: 'S-1', reconnect: { min: -1 } }),
    'invalid_options',
    /reconnect\.min must be a duration from 0s to/,
  ],
  [
    'an import without output',
    ({ hub }) => createProvisioner(hub).importDevices(Station, { count: 1 }, any(undefined)),
    'invalid_options',
    /^importDevices: options must be an object/,
  ],
  [
    'signals with a misspelt bound',
    () => createSignals(any({ maxPendng: 5 })),
    'invalid_options',
    /^createSignals: "maxPendng" is not known here; did you mean maxPending\?/,
  ],
  [
    'an unknown signal',
    ({ signals }) => signals.on(any('deviceData'), () => {}),
    'invalid_options',
    /^signals\.on: name must be one of deviceDataReceived/,
  ],
  [
    'what is no type',
    ({ signals }) =>
      signals.on(
        'deviceConnected',
        any({ name: 'a' }),
        any(() => {}),
      ),
    'unknown_type',
    /^signals\.on: type must be a device type/,
  ],
  [
    'a misspelt database',
    () => kyselyStorage(any({ database: db })),
    'invalid_options',
    /^kyselyStorage: "database" is not known here/,
  ],
  [
    'a pool for a database',
    () => kyselyStorage(any({ db: { query() {} } })),
    'invalid_options',
    /db must be a Kysely instance/,
  ],
  [
    'a misspelt file',
    () => sqliteDialect(any({ path: 'a.db' })),
    'invalid_options',
    /^sqliteDialect: "path" is not known here/,
  ],
  [
    'no pool',
    () => guardPool(any('postgres://')),
    'invalid_options',
    /^guardPool: pool must be a pool of pg/,
  ],
  [
    'a bound of memory',
    () => memoryStorage(any({ maxMesages: 5 })),
    'invalid_options',
    /did you mean maxMessages\?/,
  ],
  [
    'an option of a type',
    () => defineDeviceType('a', any({ heartbeatIntervall: 5 })),
    'invalid_definition',
    /there is no option "heartbeatIntervall"; did you mean heartbeatInterval\?/,
  ],
  [
    'an option of a reading',
    () => reading.float(any({ ranges: [0, 1] })),
    'invalid_definition',
    /there is no option "ranges"; did you mean range\?/,
  ],
  [
    'an option of a state field',
    () => state.string(any({ defalt: 'a' })),
    'invalid_definition',
    /did you mean default\?/,
  ],
  [
    'an option of a command',
    () => command(any({ payLoad: null })),
    'invalid_definition',
    /did you mean payload\?/,
  ],
  [
    'an option of a proxy',
    () => createTcpProxy(1, any({ targetHos: 'a' })),
    'invalid_options',
    /^createTcpProxy: "targetHos" is not known here; did you mean targetHost\?/,
  ],
  [
    'an option of waiting',
    () => waitUntil('a', () => true, any({ timeoutMs: 5 })),
    'invalid_options',
    /^waitUntil: "timeoutMs" is not known here; timeoutMs is now timeout, a duration/,
  ],
]

test.each(REFUSED)('%s is refused', async (_, run, code, message) => {
  const call = async () => run(world)
  await expect(call()).rejects.toMatchObject({
    name: 'DeviceHubError',
    code,
    message: expect.stringMatching(message),
  })
})

test('what was issued is good as a whole', async () => {
  const provisioner = createProvisioner(world.hub)
  const { credentials } = await provisioner.generateCredentials(Station, 'S-1')
  const principal = { deviceId: 'S-1', username: credentials.username }
  expect(await world.hub.credentials.verify(credentials)).toMatchObject(principal)
  expect(await provisioner.verify(credentials)).toMatchObject(principal)
  await provisioner.close()
})
