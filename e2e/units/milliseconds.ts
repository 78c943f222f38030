import { createBrokerAuth } from '@devicehub/broker-auth'
import { createDeviceClient } from '@devicehub/client'
import {
  createDeviceHub,
  createPresenceMonitor,
  createRetention,
  defineDeviceType,
  silentLogger,
} from '@devicehub/core'
import { effectiveOptions } from '@devicehub/core/definition'
import {
  createBackoff,
  createHandlerRunner,
  createSilentEnds,
  holdLease,
  noMetrics,
} from '@devicehub/core/transport'
import { readBody } from '@devicehub/http'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { createProvisioner, csvSink, mosquittoDynamicSecurity, mosquittoFiles } from '@devicehub/provision'
import { createSignals } from '@devicehub/signals'
import { createSchema, kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { createLedgerPublisher, waitUntil } from '@devicehub/test-kit'
import { Kysely } from 'kysely'
import { SECRET, Station, type World } from '../checks/calls/world.js'

/** Gives an option a number. */
type Give = (value: never, to: World) => unknown

/** The paths of options that share a rule, what each was or would be in milliseconds, and a call that gives it. */
export type Row = readonly [paths: RegExp, milliseconds: number, give: Give]

const url = 'mqtt://127.0.0.1:1'
const day = 86_400_000
const listener: (name: string) => Give =
  (name) =>
  (value, { hub }) =>
    createMqttListener(hub, { url, [name]: value })
const client: (name: string) => Give = (name) => (value) =>
  createDeviceClient(Station, { url, deviceId: 'S-1', [name]: value })
const hubWith: (group: string, name: string) => Give = (group, name) => (value) =>
  createDeviceHub({ types: [], [group]: { [name]: value } })
const type: (options: (value: never) => object) => Give = (options) => (value) =>
  defineDeviceType('a', options(value))
const consume: (name: string) => Give =
  (name) =>
  (value, { hub }) =>
    hub.consume('other', { [name]: value }, () => {})
const timescale: (name: string) => Give = (name) => (value) =>
  kyselyStorage({ db, timescale: { [name]: value } })
const db = new Kysely<never>({ dialect: sqliteDialect({ file: ':memory:' }) })
const source = { db, dialect: 'postgres', types: [] } as const

/** Options that were milliseconds in 0.1, with their defaults then, and all others with a usual figure. */
export const REFUSED: readonly Row[] = [
  [
    /SeriesBuckets[.]interval|[.]series[(]request[)][.]interval/,
    900_000,
    (interval, { hub }) =>
      hub.readings.series(Station, {
        devices: 'S-1',
        fields: 'temperature',
        fn: 'avg',
        from: new Date(0),
        to: new Date(day),
        interval,
      }),
  ],
  [
    /OverviewQuery[.]silentAfter|[.]overview[(]query[)][.]silentAfter/,
    300_000,
    (silentAfter, { hub }) => hub.devices.overview(Station, { silentAfter }),
  ],
  [
    /^mqtt-listener .*[.]slots[.]lease|SlotOptions[.]lease/,
    15_000,
    (lease, { hub }) => createMqttListener(hub, { url, slots: { group: 'a', max: 2, lease } }),
  ],
  [/^mqtt-listener .*[.]keepAlive$/, 60_000, listener('keepAlive')],
  [/^mqtt-listener .*[.]sessionExpiry$/, 3_600_000, listener('sessionExpiry')],
  [
    /^mqtt-listener .*(?:reconnect|ReconnectOptions)[.]min$/,
    500,
    (min, { hub }) => createMqttListener(hub, { url, reconnect: { min } }),
  ],
  [
    /^mqtt-listener .*(?:reconnect|ReconnectOptions)[.]max$/,
    30_000,
    (max, { hub }) => createMqttListener(hub, { url, reconnect: { max } }),
  ],
  [/^mqtt-listener .*[.]connectTimeout$/, 30_000, listener('connectTimeout')],
  [/^mqtt-listener .*[.]ackTimeout$/, 60_000, listener('ackTimeout')],
  [/^mqtt-listener .*[.]drainTimeout$/, 10_000, listener('drainTimeout')],
  [/^mqtt-listener .*[.]quietPeriod$/, 1_000, listener('quietPeriod')],
  [/^mqtt-listener .*[.]publishTimeout$/, 10_000, listener('publishTimeout')],
  [
    /^mqtt-listener (?:TopicHandlerOptions|.*handle[(]options[)])[.]timeout$|^provision ClaimListener/,
    30_000,
    (timeout, { hub }) => createMqttListener(hub, { url }).handle('a', () => {}, { timeout }),
  ],
  [
    /publish[(]message[)][.]expiresIn$/,
    60_000,
    (expiresIn, { hub }) => hub.publish({ topic: 'a', payload: '', expiresIn }),
  ],
  [/^client .*[.]keepAlive$/, 60_000, client('keepAlive')],
  [/^client .*[.]connectTimeout$/, 30_000, client('connectTimeout')],
  [/^client .*[.]sessionExpiry$/, 3_600_000, client('sessionExpiry')],
  [/^client .*[.]willDelay$/, 10_000, client('willDelay')],
  [
    /^client .*[.]reconnect[.]min$/,
    1_000,
    (min) => createDeviceClient(Station, { url, deviceId: 'S-1', reconnect: { min } }),
  ],
  [
    /^client .*[.]reconnect[.]max$/,
    60_000,
    (max) => createDeviceClient(Station, { url, deviceId: 'S-1', reconnect: { max } }),
  ],
  [/^client .*[.]ackTimeout$/, 60_000, client('ackTimeout')],
  [/^client .*[.]heartbeat$/, 300_000, client('heartbeat')],
  [
    /^client DeviceClient[.]close/,
    5_000,
    async (timeout) => {
      await using device = createDeviceClient(Station, { url, deviceId: 'S-1' })
      await device.close({ timeout })
    },
  ],
  [
    /^core (?:SendOptions|BulkOptions)[.]timeout$/,
    30_000,
    (timeout, { hub }) => hub.commands.send(Station, 'S-1', 'reboot', undefined, { timeout }),
  ],
  [
    /^core (?:SendOptions|BulkOptions)[.]expiresIn$/,
    3_600_000,
    (expiresIn, { hub }) => hub.commands.send(Station, 'S-1', 'reboot', undefined, { expiresIn }),
  ],
  [
    /^core (?:WaitOptions|CommandHandle[.]result|CommandsApi[.]wait).*[.]timeout$/,
    60_000,
    (timeout, { hub, commandId }) => hub.commands.wait(commandId, { timeout }),
  ],
  [
    /[.]cacheFor$/,
    60_000,
    (cacheFor) => createDeviceHub({ types: [], credentials: { secret: SECRET, cacheFor } }),
  ],
  [/[.]lookEvery$/, 1_000, hubWith('commands', 'lookEvery')],
  [/[.]refreshAfter$/, 5_000, hubWith('deviceCache', 'refreshAfter')],
  [/[.]unknownFor$/, 1_000, hubWith('deviceCache', 'unknownFor')],
  [/[.]lastSeenEvery$/, 5_000, hubWith('deviceCache', 'lastSeenEvery')],
  [
    /^core (?:DeviceHubOptions|createDeviceHub.*)[.]clockSkew[.]past$/,
    7 * day,
    (past) => createDeviceHub({ types: [], clockSkew: { past, future: 60 } }),
  ],
  [
    /^core (?:DeviceHubOptions|createDeviceHub.*)[.]clockSkew[.]future$/,
    600_000,
    (future) => createDeviceHub({ types: [], clockSkew: { past: 60, future } }),
  ],
  [/[.]heartbeatInterval$/, 300_000, type((heartbeatInterval) => ({ heartbeatInterval }))],
  [/[.]retention[.]readings$/, 30 * day, type((readings) => ({ retention: { readings } }))],
  [/[.]retention[.]messages$/, 7 * day, type((messages) => ({ retention: { messages } }))],
  [
    /[dD]e(?:fineDeviceType|viceTypeDefinition).*[.]clockSkew[.]past$/,
    7 * day,
    type((past) => ({ clockSkew: { past, future: 60 } })),
  ],
  [
    /[dD]e(?:fineDeviceType|viceTypeDefinition).*[.]clockSkew[.]future$/,
    600_000,
    type((future) => ({ clockSkew: { past: 60, future } })),
  ],
  [
    /effectiveOptions.*[.]past$/,
    7 * day,
    (past) => effectiveOptions(Station, { clockSkew: { past, future: 60 } }),
  ],
  [
    /effectiveOptions.*[.]future$/,
    600_000,
    (future) => effectiveOptions(Station, { clockSkew: { past: 60, future } }),
  ],
  [
    /^core (?:PresenceOptions|createPresenceMonitor.*)[.]every$/,
    30_000,
    (every, { hub }) => createPresenceMonitor(hub, { every }),
  ],
  [
    /^core (?:PresenceOptions|createPresenceMonitor.*)[.]lease$/,
    15_000,
    (lease, { hub }) => createPresenceMonitor(hub, { lease }),
  ],
  [
    /^core (?:RetentionOptions|createRetention.*)[.]every$/,
    3_600_000,
    (every, { hub }) => createRetention(hub, { every }),
  ],
  [
    /^core (?:RetentionOptions|createRetention.*)[.]unrouted$/,
    30 * day,
    (unrouted, { hub }) => createRetention(hub, { unrouted }),
  ],
  [
    /^core (?:RetentionOptions|createRetention.*)[.]lease$/,
    60_000,
    (lease, { hub }) => createRetention(hub, { lease }),
  ],
  [/^core .*[.]retry[.]min$/, 500, (min, { hub }) => hub.consume('other', { retry: { min } }, () => {})],
  [/^core .*[.]retry[.]max$/, 30_000, (max, { hub }) => hub.consume('other', { retry: { max } }, () => {})],
  [/^core (?:ConsumeOptions|DeviceHub[.]consume.*)[.]timeout$/, 30_000, consume('timeout')],
  [/^core (?:ConsumeOptions|DeviceHub[.]consume.*)[.]lease$/, 15_000, consume('lease')],
  [/^core (?:ConsumeOptions|DeviceHub[.]consume.*)[.]pollInterval$/, 1_000, consume('pollInterval')],
  [
    /^core (?:Close|Consumer[.]close|DeviceHub[.]close|PresenceMonitor[.]close|RetentionTask[.]close)|^signals Signals[.]close/,
    5_000,
    (timeout, { consumer }) => consumer.close({ timeout }),
  ],
  [
    /^core (?:HoldLeaseOptions|holdLease.*)[.]ttl$/,
    15_000,
    (ttl, { hub }) =>
      holdLease({ leases: hub.storage.leases, name: 'a', holder: 'b', ttl, logger: silentLogger }),
  ],
  [/^core (?:BackoffOptions|createBackoff.*)[.]min$/, 1_000, (min) => createBackoff({ min })],
  [/^core (?:BackoffOptions|createBackoff.*)[.]max$/, 60_000, (max) => createBackoff({ max })],
  [
    /^core .*[hH]andlerRunner.*[.]timeout$/,
    10_000,
    (timeout) => createHandlerRunner({ name: 'a', logger: silentLogger, metrics: noMetrics, timeout }),
  ],
  [/^http /, 10_000, (timeout) => readBody(new Request('http://x/'), { maxBytes: 5, timeout })],
  [
    /^broker-auth .*[.]accountsFor$/,
    60_000,
    (accountsFor, { hub }) => createBrokerAuth(hub, { public: true, accountsFor }),
  ],
  [
    /^broker-auth .*[.]timeout$/,
    5_000,
    (timeout, { hub }) => createBrokerAuth(hub, { public: true, timeout }),
  ],
  [
    /^provision .*[.]expiresIn$/,
    90 * day,
    (expiresIn, { hub }) =>
      createProvisioner(hub).claims.create(Station, { name: 'a', maxUses: 5, expiresIn }),
  ],
  [
    /^provision .*[.]overlap$/,
    3_600_000,
    (overlap, { hub }) => createProvisioner(hub).rotate(Station, 'S-1', { overlap }),
  ],
  [/^provision (?:CsvSink|csvSink).*[.]timeout$/, 10_000, (timeout) => csvSink({ file: 'a', timeout })],
  [
    /^provision (?:DynamicSec|mosquittoDyn).*[.]timeout$/,
    10_000,
    (timeout) => mosquittoDynamicSecurity({ url, username: 'a', password: 'b', timeout }),
  ],
  [
    /^provision (?:MosquittoFiles|mosquittoFiles).*[.]timeout$/,
    10_000,
    (timeout) => mosquittoFiles({ passwordFile: 'a', aclFile: 'b', reload: () => {}, timeout }),
  ],
  [/^signals (?:createSignals.*|SignalsOptions)[.]timeout$/, 10_000, (timeout) => createSignals({ timeout })],
  [
    /^signals (?:Signals[.]on.*|SubscribeOptions)[.]timeout$/,
    10_000,
    (timeout, { signals }) => signals.on('deviceConnected', () => {}, { timeout }),
  ],
  [/[.]chunkInterval$/, 7 * day, timescale('chunkInterval')],
  [/[.]timescale[.]retention$|TimescaleOptions[.]retention$/, 730 * day, timescale('retention')],
  [
    /[.]compressAfter$/,
    7 * day,
    (compressAfter) => createSchema({ ...source, options: { timescale: { compressAfter } } }),
  ],
  [/[.]busyTimeout$/, 5_000, (busyTimeout) => sqliteDialect({ file: ':memory:', busyTimeout })],
  [
    /^test-kit (?:WaitUntilOptions|waitUntil.*|NextOptions|.*next[(].*|.*take[(].*)[.]timeout$/,
    60_000,
    (timeout) => waitUntil('it', () => true, { timeout }),
  ],
  [/^test-kit .*[.]interval$/, 20, (interval) => waitUntil('it', () => true, { interval })],
  [
    /^test-kit .*[.]reconnectDelay$/,
    50,
    (reconnectDelay) => createLedgerPublisher({ port: 1, reconnectDelay }),
  ],
  [
    /^test-kit .*[.]connectTimeout$/,
    30_000,
    (connectTimeout) => createLedgerPublisher({ port: 1, connectTimeout }),
  ],
]

/** Not refused, and why. The upgrading page names those of 0.1. */
export const PASS: readonly (readonly [paths: RegExp, why: string])[] = [
  [/SilentEnds[.]ended/, 'how long a connection lasted: it may be anything; 500 is not noticed'],
  [/^core duration/, 'bounds of rules, not durations'],
  [/[.]autosaveInterval$/, 'has its rule in one line of a server that only asked-for tests may start'],
]

/** An end that lasted 500: accepted. */
export const giveLasted = (lasted: number): number =>
  createSilentEnds().ended({ withoutReason: true, lasted })
