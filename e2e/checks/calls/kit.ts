import {
  createFakeBroker,
  createLedgerPublisher,
  createTcpProxy,
  holdIngest,
  openWireTap,
} from '@devicehub/test-kit'
import type { Subject } from '../coverage.js'
import { type Coverage, call, without } from '../sample-call.js'

const PORT = 1
const connection = () => ({ host: '127.0.0.1', port: PORT, protocolVersion: 5 })
const start = (options: () => object): ReturnType<typeof call> =>
  call(() => [options()], { refusedOnly: true })

/** `@devicehub/test-kit`. No suite here asks for a server, so that those who start one refuse to in the end. */
export const kitCalls = (): Coverage => ({
  ...without('declares a suite, which can be done only while a file is collected', ...DECLARING),
  ...without('is for a setup file, and would change what the other calls do', 'refuseUnasked'),
  holdIngest: call(() => [], { returns: 'holdIngest()' }),
  connectRaw: call(() => [{ port: PORT, clientId: 'a', clean: true, onPublish() {} }]),
  openWireTap: call(() => [PORT], { returns: 'openWireTap()' }),
  createFakeBroker: call(() => [{ receiveMaximum: 5, onConnect() {}, onPacket() {} }], {
    returns: 'createFakeBroker()',
  }),
  createLedgerPublisher: call(
    () => [
      {
        ...connection(),
        clientId: 'a',
        username: 'a',
        password: 'b',
        window: 5,
        reconnectDelay: '5ms',
        connectTimeout: '50ms',
      },
    ],
    { returns: 'createLedgerPublisher()' },
  ),
  createRawClient: call(() => [
    { ...connection(), connect: { clientId: 'a', clean: true }, acknowledge: true },
  ]),
  createRawSubscriber: call(() => [{ ...connection(), topics: ['a/b'], qos: 1 }]),
  createTcpProxy: call(() => [PORT, { targetHost: '127.0.0.1', onClientData() {}, onServerData() {} }], {
    returns: 'createTcpProxy()',
  }),
  startAedes: start(() => ({ concurrency: 5 })),
  startHiveMq: start(() => ({ receiveMaximum: 5, maxQueued: 5, persistence: true })),
  startMariadb: start(() => ({ settings: { max_connections: 5 } })),
  startMosquitto: start(() => ({
    persistence: true,
    autosaveInterval: 5,
    maxInflight: 5,
    maxQueued: 5,
    allowAnonymous: true,
    users: { a: 'b' },
    acl: ['topic a'],
    dynamicSecurity: { username: 'a', password: 'b' },
    websockets: true,
    tls: { requireCertificate: true, useIdentityAsUsername: true },
    config: ['a b'],
  })),
  startPostgres: start(() => ({ settings: { fsync: 'off' } })),
  startRabbitMq: start(() => ({
    maxInflight: 5,
    httpAuth: { user: 'a', vhost: 'b', resource: 'c', topic: 'd' },
    config: ['a'],
    plugins: ['b'],
  })),
  startRedis: start(() => ({ settings: { maxmemory: 5 } })),
  createCertificates: start(() => ({})),
  isInstalled: call(() => ['mosquitto']),
  missingServices: call(() => [['mosquitto']]),
  hasExtension: call(() => [{ createDatabase() {} }, 'timescaledb'], { refusedOnly: true }),
  freePort: call(),
  waitUntil: call(() => ['a condition', () => true, { timeout: '20ms', interval: '5ms' }]),
})

const DECLARING = [
  'describeWith',
  'controlContract',
  'driverContract',
  'storageContract',
  'telemetryContract',
  'transportContract',
]

/** Servers in this process, and a publisher that finds none. */
export async function kitHandles(): Promise<Subject[]> {
  const proxy = await createTcpProxy(PORT)
  const broker = await createFakeBroker()
  const tap = await openWireTap(PORT)
  const publisher = createLedgerPublisher({ port: PORT, reconnectDelay: '5ms' })
  return [
    {
      name: 'holdIngest()',
      target: holdIngest(),
      calls: {
        'ingest.push': call(() => [{ topic: 'a', payload: new Uint8Array(1), source: 'a' }, () => {}]),
        'ingest.drained': call(() => [], { waits: 'room' }),
        ingest: call(() => [[{ topic: 'a', payload: new Uint8Array(1), source: 'a' }]], {
          waits: 'the test that settles',
        }),
        ...without('calls what was pushed, and throws what that throws', 'settle', 'settleAtOnce'),
      },
    },
    {
      name: 'openWireTap()',
      target: tap,
      calls: {
        retarget: call(() => [PORT]),
        hold: call(),
        release: call(),
        cut: call(),
        close: call(),
      },
    },
    {
      name: 'createFakeBroker()',
      target: broker,
      calls: {
        connection: call(() => [0], { waits: 'a connection' }),
        cut: call(),
        close: call(),
        '[Symbol.asyncDispose]': call(),
      },
    },
    {
      name: 'createLedgerPublisher()',
      target: publisher,
      calls: {
        publishAll: call(() => [[{ key: 'a', topic: 'a', payload: 'a' }], { window: 5, rate: 5 }], {
          iterates: true,
          waits: 'the broker',
        }),
        cut: call(),
        close: call(),
        '[Symbol.asyncDispose]': call(),
      },
      elsewhere: ['ledger'],
    },
    {
      name: 'createTcpProxy()',
      target: proxy,
      calls: {
        toServer: call(() => ['stall']),
        toClient: call(() => ['drop']),
        refuse: call(() => [true]),
        cut: call(),
        close: call(),
        '[Symbol.asyncDispose]': call(),
      },
    },
  ]
}
