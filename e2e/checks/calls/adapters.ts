import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
  createSignals: call(() => [{ maxPending: 5, timeout: '5ms' }], {
    returns: 'createSignals()',
  }),
}

const memoryDb = () => new Kysely<unknown>({ dialect: sqliteDialect({ file: ':memory:' }) })

export const kyselyEntry = (): Coverage => {
  const db = memoryDb()
  return {
    guardPool: call(() => [{ on() {}, emit() {} }, () => {}]),
    kyselyStorage: call(
      () => [
        {
          db,
          dialect: 'sqlite',
          timescale: null,
          indexMessagesByDevice: true,
          indexReadingsByTime: true,
          closeDb: false,
        },
      ],
      { returns: 'memoryStorage()' },
    ),
    createSchema: call(
      () => [
        {
          db,
          dialect: 'sqlite',
          types: [Station],
          options: { timescale: null, indexMessagesByDevice: true, indexReadingsByTime: true },
        },
      ],
      { returns: 'createSchema()' },
    ),
    sqliteDialect: call(() => [{ file: ':memory:', driver: 'auto', thread: false, busyTimeout: '5ms' }], {
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
  keepAlive: 5,
  qos: 1,
  cleanStart: true,
  sessionExpiry: 5,
  receiveMaximum: 5,
  maxQueuedQos0: 5,
  yieldEvery: 5,
  reconnect: { min: '5ms', max: '10ms', jitter: 0 },
  connectTimeout: '50ms',
  drainTimeout: '50ms',
  quietPeriod: '50ms',
  publishTimeout: '50ms',
  ackTimeout: '50ms',
  maxPendingPublications: 5,
  maxInFlightPublications: 5,
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
        stop: call(() => [{ endSession: false }]),
        close: call(() => [{ endSession: false }]),
        publish: call(() => [message(), 'default']),
        handle: call(() => [
          'a/+',
          () => {},
          { qos: 1, timeout: '5ms', concurrency: 5, shared: false, name: 'a', broker: 'default' },
        ]),
        endSessionsOf: call(() => ['another', { broker: 'default' }]),
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
  csvSink: call(() => [{ file: join(folder, 'sink.csv'), timeout: '500ms' }], { returns: 'csvSink()' }),
  mosquittoFiles: call(
    () => [
      {
        passwordFile: join(folder, 'passwords'),
        aclFile: join(folder, 'acl'),
        reload: () => {},
        section: 'a',
        iterations: 5,
        broker: 'default',
        timeout: '500ms',
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
        timeout: '500ms',
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
        setPassword: call(
          () => [Station, 'S-1', 'a password of a person', { expiresAt: new Date('2100-01-01') }],
          { runs: 8 },
        ),
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
