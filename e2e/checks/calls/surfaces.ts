import { createBrokerAuth } from '@devicehub/broker-auth'
import { createDeviceClient } from '@devicehub/client'
import type { Subject } from '../coverage.js'
import { type Coverage, call, without } from '../sample-call.js'
import { Station, type World } from './world.js'

/** Nothing listens there. */
const NOWHERE = 'mqtts://127.0.0.1:1'

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
  url: NOWHERE,
  deviceId: 'S-1',
  credentials: { username: 'a', password: 'b' },
  protocolVersion: 5,
  clientId: 'a',
  topicPrefix: 'things',
  tls: { servername: 'a' },
  keepAlive: 5,
  connectTimeout: 1,
  sessionExpiry: 5,
  willDelay: 5,
  reconnect: { min: '5ms', max: '10ms', factor: 2, jitter: 0 },
  outbox: 'memory',
  maxQueued: 5,
  maxQueuedBytes: 5_000,
  maxInFlight: 5,
  maxAttempts: 5,
  ackTimeout: 5,
  maxBatchSamples: 5,
  maxBatchBytes: 5_000,
  maxPendingCommands: 5,
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
        close: call(() => [{ timeout: '5ms' }], { waits: 'deliveries' }),
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
  plainHandler: call(() => ['a handler', async () => ({ status: 200, headers: {}, body: null })], {
    foreign: 'a server',
  }),
  plainProblem: call(() => [404, 'not_found', 'There is none']),
  problem: call(() => [404, 'not_found', 'There is none']),
  readBody: call(() => [
    new Request('http://x/', { method: 'POST', body: 'a' }),
    { maxBytes: 5, timeout: 5 },
  ]),
  secretEquals: call(() => ['a', 'b']),
}
