import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBrokerAuth } from '@devicehub/broker-auth'
import { createDeviceClient } from '@devicehub/client'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { createProvisioner, csvSink } from '@devicehub/provision'
import { createSchema, sqliteDialect } from '@devicehub/storage-kysely'
import { Kysely } from 'kysely'
import type { Subject } from '../coverage.js'
import { type Coverage, call, without } from '../sample-call.js'
import { Station, type World } from './world.js'

/** Nothing listens there: an attempt to connect fails at once. */
const NOWHERE = 'mqtt://127.0.0.1:1'
const folder = mkdtempSync(join(tmpdir(), 'devicehub-checks-'))
const context = () => ({
  channel: 'data',
  topic: 'things/check_station/S-1/data',
  deviceId: 'S-1',
  receivedAt: new Date(0),
})

export const cborCalls: Coverage = {
  'cborCodec.decode': call(() => [Uint8Array.of(0xa0), context()]),
  'cborCodec.encode': call(() => [{ a: 1 }, context()]),
}

// ---- @devicehub/signals, @devicehub/storage-kysely

export const signalsEntry: Coverage = {
  createSignals: call(() => [{ maxPending: 5, timeoutMs: 5, closeTimeoutMs: 5 }], {
    returns: 'createSignals()',
  }),
}

const memoryDb = () => new Kysely<unknown>({ dialect: sqliteDialect({ file: ':memory:' }) })

export const kyselyEntry = (): Coverage => {
  const db = memoryDb()
  return {
    guardPool: call(() => [{ on() {}, emit() {} }, () => {}]),
    kyselyStorage: call(
      () => [{ db, dialect: 'sqlite', timescale: null, indexMessagesByDevice: true, closeDb: false }],
      { returns: 'memoryStorage()' },
    ),
    createSchema: call(
      () => [
        {
          db,
          dialect: 'sqlite',
          types: [Station],
          options: { timescale: null, indexMessagesByDevice: true },
        },
      ],
      { returns: 'createSchema()' },
    ),
    sqliteDialect: call(() => [{ file: ':memory:', driver: 'auto', thread: false, busyTimeout: 5 }], {
      returns: 'sqliteDialect()',
    }),
  }
}

export function kyselyHandles(): Subject[] {
  const schema = createSchema({ db: memoryDb(), dialect: 'sqlite', types: [Station] })
  const options = () => [{ allowDestructive: false }]
  return [
    {
      name: 'createSchema()',
      target: schema,
      calls: { plan: call(options), migrate: call(options), writeMigration: call(options) },
    },
    {
      name: 'sqliteDialect()',
      target: sqliteDialect({ file: ':memory:' }),
      calls: without(
        'is called by Kysely, which checks what it is given itself',
        'createAdapter',
        'createDriver',
        'createQueryCompiler',
        'createIntrospector',
      ),
    },
  ]
}

// ---- @devicehub/mqtt-listener

const listenerOptions = () => ({
  url: NOWHERE,
  name: 'default',
  protocolVersion: 5,
  clientId: 'checks',
  username: 'a',
  password: 'b',
  keepalive: 5,
  qos: 1,
  clean: true,
  sessionExpiry: 5,
  window: 5,
  qos0Buffer: 5,
  yieldEvery: 5,
  reconnect: { min: 5, max: 10, jitter: 0 },
  connectTimeout: 50,
  drainTimeout: 50,
  quietPeriod: 50,
  publishTimeout: 50,
  publishQueue: 5,
  publishWindow: 5,
  onConnect() {},
  onDisconnect() {},
})

export const listenerEntry = ({ hub }: World): Coverage => ({
  createMqttListener: call(() => [hub, listenerOptions()], { returns: 'createMqttListener()' }),
})

const message = () => ({
  topic: 'a/b',
  payload: 'a',
  qos: 1,
  retain: false,
  contentType: 'a',
  correlationId: 'a',
  responseTopic: 'a',
  userProperties: { a: 'b' },
  expiresIn: 5,
})

export function listenerHandles({ hub }: World): Subject[] {
  const listener = createMqttListener(hub, listenerOptions() as never)
  return [
    {
      name: 'createMqttListener()',
      target: listener,
      calls: {
        start: call(),
        stop: call(() => [{ leave: false }]),
        publish: call(() => [message(), 'default']),
        handle: call(() => [
          'a/+',
          () => {},
          { qos: 1, timeout: 5, concurrency: 5, shared: false, name: 'a', broker: 'default' },
        ]),
        adopt: call(() => ['another', { broker: 'default' }]),
        stats: call(),
        '[Symbol.asyncDispose]': call(),
      },
    },
  ]
}

// ---- @devicehub/provision

export const provisionEntry = ({ hub }: World): Coverage => ({
  createProvisioner: call(
    () => [hub, { sinks: [], claimHandler: { maxFailures: 5, maxPending: 5, addressOf: () => '127.0.0.1' } }],
    { returns: 'createProvisioner()' },
  ),
  csvSink: call(() => [{ file: join(folder, 'sink.csv'), timeout: 500 }], { returns: 'csvSink()' }),
  mosquittoFiles: call(
    () => [
      {
        passwordFile: join(folder, 'passwords'),
        aclFile: join(folder, 'acl'),
        reload: () => {},
        section: 'a',
        iterations: 5,
        broker: 'default',
        timeout: 500,
      },
    ],
    { returns: 'csvSink()' },
  ),
  mosquittoDynamicSecurity: call(
    () => [
      {
        url: NOWHERE,
        username: 'a',
        password: 'b',
        tls: { servername: 'a', rejectUnauthorized: true },
        rolePrefix: 'a',
        clientId: 'a',
        timeout: 500,
      },
    ],
    { returns: 'csvSink()' },
  ),
})

const sinkDevice = () => ({
  type: Station,
  deviceId: 'S-1',
  username: 'user',
  clientId: 'a',
  topics: { publish: ['a'], subscribe: ['b'] },
})

export function provisionHandles({ hub }: World): Subject[] {
  let rows = 0
  const output = () => ({ file: join(folder, `secrets-${rows++}.csv`), format: 'csv', overwrite: true })
  return [
    {
      name: 'csvSink()',
      target: csvSink({ file: join(folder, 'sink.csv') }),
      calls: {
        apply: call(() => [
          [
            { kind: 'set', device: sinkDevice(), password: 'a' },
            { kind: 'remove', username: 'user' },
          ],
        ]),
        sync: call(() => [[sinkDevice()]]),
        close: call(),
      },
    },
    {
      name: 'createProvisioner()',
      target: createProvisioner(hub),
      calls: {
        generateCredentials: call(() => [
          Station,
          'P-1',
          { kinds: ['password'], expiresAt: new Date('2100-01-01'), create: { name: 'a' } },
        ]),
        rotate: call(() => [Station, 'S-1', { kinds: ['password'], overlap: 5 }]),
        revoke: call(() => [Station, 'S-1']),
        setPassword: call(() => [
          Station,
          'S-1',
          'a password of a person',
          { expiresAt: new Date('2100-01-01') },
        ]),
        verify: call(() => [{ username: 'a', password: 'b' }]),
        credentials: call(() => [Station, 'S-1']),
        importDevices: call(() => [
          Station,
          { rows: [{ device_id: 'I-1', name: 'a' }] },
          { output: output(), rotate: false, overlap: 5, onProgress() {}, onRow() {} },
        ]),
        'claims.create': call(() => [
          Station,
          { name: 'a', maxUses: 5, expiresIn: 60, createsDevices: true, idPrefix: 'C' },
        ]),
        'claims.list': call(() => [{ limit: 5, cursor: undefined }]),
        'claims.revoke': call(() => ['another']),
        claim: call(() => [{ key: 'key', deviceId: 'C-1', proof: 'p'.repeat(16) }]),
        claimHandler: call(() => [
          new Request('http://x/', { method: 'POST', body: '{}' }),
          { remoteAddress: '127.0.0.1' },
        ]),
        claimAccounts: call(() => [{ username: 'claim', password: 'key', clientId: 'a' }]),
        serveClaims: call(() => [{ handle: () => () => {} }, { broker: 'default' }]),
        sync: call(),
        stats: call(),
        close: call(),
        '[Symbol.asyncDispose]': call(),
      },
    },
  ]
}

// ---- @devicehub/broker-auth

const account = () => ({
  password: 'a password of sixteen',
  publish: ['a/b'],
  subscribe: ['a/+'],
  clientId: 'a-*',
  shared: true,
})

export const authEntry = ({ hub }: World): Coverage => ({
  brokerConfig: call(() => ['emqx', { url: 'http://127.0.0.1:8081', secret: 'a'.repeat(32), vhost: '/' }]),
  createBrokerAuth: call(
    () => [
      hub,
      {
        accounts: { a: account() },
        accountsFor: 5,
        clientId: 'any',
        rules: () => false,
        maxPending: 5,
        timeout: 5,
        secret: 's'.repeat(32),
        allow: ['127.0.0.1'],
        maxBody: 500,
        rabbitmq: { vhost: '/' },
      },
    ],
    { returns: 'createBrokerAuth()' },
  ),
  listenerGrants: call(() => [hub]),
})

export function authHandles({ hub }: World): Subject[] {
  const auth = createBrokerAuth(hub, { public: true })
  const login = () => ({ username: 'a', password: 'b', clientId: 'c' })
  const access = () => ({ username: 'a', clientId: 'c', action: 'publish', topic: 'a/b' })
  return [
    {
      name: 'createBrokerAuth().aedes()',
      target: auth.aedes(),
      calls: {
        ...without(
          'is called by Aedes, with clients and packets of its own; what comes from a client is in texts',
          'authenticate',
          'authorizePublish',
          'authorizeSubscribe',
          'authorizeForward',
        ),
        attachPresence: call(() => [{ on() {}, off() {} }]),
      },
    },
    {
      name: 'createBrokerAuth()',
      target: auth,
      calls: {
        fetch: call(() => [new Request('http://x/auth', { method: 'POST' }), { remoteAddress: '::1' }]),
        'decider.login': call(() => [login()]),
        'decider.access': call(() => [access()]),
        'decider.accessAll': call(() => [[access()]]),
        'decider.stats': call(),
        aedes: call(() => [], { returns: 'createBrokerAuth().aedes()' }),
        stats: call(),
        close: call(),
        '[Symbol.asyncDispose]': call(),
      },
    },
  ]
}

// ---- @devicehub/client

const clientOptions = () => ({
  url: NOWHERE.replace('mqtt:', 'mqtts:'),
  deviceId: 'S-1',
  credentials: { username: 'a', password: 'b' },
  protocolVersion: 5,
  clientId: 'a',
  topicPrefix: 'things',
  tls: { servername: 'a' },
  keepalive: 5,
  connectTimeout: 1,
  sessionExpiry: 5,
  willDelay: 5,
  reconnect: { min: 5, max: 10, factor: 2, jitter: 0 },
  outbox: 'memory',
  maxQueued: 5,
  maxQueuedBytes: 5_000,
  maxInFlight: 5,
  maxAttempts: 5,
  ackTimeout: 5,
  maxBatchSamples: 5,
  maxBatchBytes: 5_000,
  maxRunningCommands: 5,
  rememberedCommands: 5,
  heartbeat: 5,
})

export const clientEntry: Coverage = {
  createDeviceClient: call(() => [Station, clientOptions()], { returns: 'createDeviceClient()' }),
}

export function clientHandles(): Subject[] {
  const client = createDeviceClient(Station, clientOptions() as never)
  client.on('error', () => {})
  const connected = 'the broker'
  const signal = () => AbortSignal.timeout(5)
  return [
    {
      name: 'createDeviceClient()',
      target: client,
      calls: {
        record: call(() => [{ temperature: 5 }, { timestamp: 5, id: 'a', signal: signal() }], {
          waits: connected,
        }),
        recordBatch: call(
          () => [[{ readings: { temperature: 5 }, timestamp: 5, id: 'a' }], { signal: signal() }],
          {
            waits: connected,
          },
        ),
        reportStatus: call(
          () => [{ status: 'online', batteryLevel: 5, firmwareVersion: '1' }, { signal: signal() }],
          { waits: connected },
        ),
        onCommand: call(() => ['reboot', () => {}]),
        'twin.onDesired': call(() => [() => {}]),
        'twin.report': call(() => [{ mode: 'burst' }, { timestamp: 5, signal: signal() }], {
          waits: connected,
        }),
        on: call(() => ['state', () => {}]),
        room: call(() => [], { waits: connected }),
        stats: call(),
        connect: call(() => [{ signal: signal() }], { waits: connected }),
        close: call(() => [{ timeout: 5 }], { waits: 'deliveries' }),
        '[Symbol.asyncDispose]': call(() => [], { waits: 'deliveries' }),
      },
    },
  ]
}

// ---- @devicehub/http

const handler = async () => new Response('')

export const httpEntry: Coverage = {
  checkedHandler: call(() => ['a handler', handler], { foreign: 'a server' }),
  expressHandler: call(() => [handler], { foreign: 'a server' }),
  fastifyPlugin: call(() => [handler], { foreign: 'a server' }),
  honoHandler: call(() => [handler], { foreign: 'a server' }),
  nodeListener: call(() => [handler], { foreign: 'a server' }),
  problem: call(() => [404, 'not_found', 'There is none']),
  readBody: call(() => [
    new Request('http://x/', { method: 'POST', body: 'a' }),
    { maxBytes: 5, timeout: 5 },
  ]),
  secretEquals: call(() => ['a', 'b']),
}
