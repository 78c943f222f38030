import type { InboundMessage } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import type { AedesOptions } from 'aedes'
import type { RawClientOptions } from './contracts/transport/raw-client.js'
import type { FakeBrokerOptions } from './publisher/fake-broker.js'
import type { LedgerMessage } from './publisher/ledger-message.js'
import type { LedgerPublisherOptions, PublishAllOptions } from './publisher/ledger-publisher.js'
import type { NextOptions } from './publisher/packet-inbox.js'
import type { RawMqttClientOptions } from './publisher/raw-client.js'
import type { RawSubscriberOptions } from './publisher/raw-subscriber.js'
import type { Certificates } from './services/certificates.js'
import type { HiveMqOptions } from './services/hivemq.js'
import type { ServiceOptions } from './services/managed-service.js'
import type { MariadbOptions } from './services/mariadb.js'
import type { MosquittoOptions, MosquittoTls } from './services/mosquitto.js'
import type { PostgresOptions, PostgresService } from './services/postgres.js'
import type { RabbitMqHttpAuth, RabbitMqServerOptions } from './services/rabbitmq.js'
import type { RedisOptions } from './services/redis.js'
import type { FlowMode, TcpProxyOptions } from './services/tcp-proxy.js'
import type { WaitUntilOptions } from './services/wait-until.js'

const {
  accept,
  callback,
  duration,
  durationInSeconds,
  flag,
  integer,
  line,
  list,
  mapOf,
  number,
  optional,
  options,
  text,
  word,
} = check

const port = integer({ min: 1, max: 65_535 })
const count = integer({ min: 0, max: 2 ** 40 })
const wait = optional(duration({ max: '1h' }))
const SERVICE: check.OptionRules<ServiceOptions> = { port: optional(port) }
/** Of a file; an empty one divides others. */
const lines = optional(list(check.either(line(10_000), word(''))))
const setting = check.either(line(10_000), check.either(number(), flag))
/** Names go into a command line or a file. */
const settings = optional(mapOf(setting, 'an object of settings by name'))

interface OptionsOf {
  readonly startMosquitto: MosquittoOptions
  readonly startHiveMq: HiveMqOptions
  readonly startRabbitMq: RabbitMqServerOptions
  readonly startPostgres: PostgresOptions
  readonly startMariadb: MariadbOptions
  readonly startRedis: RedisOptions
  readonly createRawClient: RawMqttClientOptions
  readonly createRawSubscriber: RawSubscriberOptions
  readonly createFakeBroker: FakeBrokerOptions
  readonly createLedgerPublisher: LedgerPublisherOptions
  readonly connectRaw: RawClientOptions
  readonly createTcpProxy: TcpProxyOptions
  readonly waitUntil: WaitUntilOptions
  readonly 'client.next': NextOptions
  readonly 'publisher.publishAll': PublishAllOptions
}

/** By function; each throws `invalid_options` with the function, the key and what is expected. */
/** Durations in milliseconds, Mosquitto's in the seconds that it writes. */
type Accepted<Call extends keyof OptionsOf> = check.InMilliseconds<OptionsOf[Call]>

const RULES: { readonly [Call in keyof OptionsOf]: check.Rule<Accepted<Call>> } = {
  startMosquitto: options<check.InMilliseconds<MosquittoOptions>>({
    ...SERVICE,
    persistence: optional(flag),
    autosaveInterval: optional(durationInSeconds({ max: '1d', wholeSeconds: true })),
    maxInflight: optional(count),
    maxQueued: optional(count),
    allowAnonymous: optional(flag),
    users: optional(mapOf(line(), 'an object of passwords by user name')),
    acl: lines,
    dynamicSecurity: optional(
      options<NonNullable<MosquittoOptions['dynamicSecurity']>>({ username: line(), password: line() }),
    ),
    websockets: optional(flag),
    tls: optional(
      check.either(
        flag,
        options<MosquittoTls>({
          certificates: optional(check.port<Certificates>('certificates of createCertificates()', 'issue')),
          requireCertificate: optional(flag),
          useIdentityAsUsername: optional(flag),
        }),
      ),
    ),
    config: lines,
  }),
  startHiveMq: options<HiveMqOptions>({
    ...SERVICE,
    receiveMaximum: optional(integer({ min: 1, max: 65_535 })),
    maxQueued: optional(count),
    persistence: optional(flag),
  }),
  startRabbitMq: options<RabbitMqServerOptions>({
    ...SERVICE,
    maxInflight: optional(integer({ min: 1, max: 65_535 })),
    httpAuth: optional(
      options<RabbitMqHttpAuth>({
        user: line(1_000),
        vhost: line(1_000),
        resource: line(1_000),
        topic: line(1_000),
      }),
    ),
    config: lines,
    plugins: optional(list(text({ max: 64, pattern: /^[a-z0-9_]+$/, expected: 'the name of a plugin' }))),
  }),
  startPostgres: options<PostgresOptions>({ ...SERVICE, settings }),
  startMariadb: options<MariadbOptions>({
    ...SERVICE,
    settings: settings as check.OptionalRule<MariadbOptions['settings']>,
  }),
  startRedis: options<RedisOptions>({
    ...SERVICE,
    settings: settings as check.OptionalRule<RedisOptions['settings']>,
  }),
  createRawClient: options<RawMqttClientOptions>(rawClient()),
  createRawSubscriber: options<RawSubscriberOptions>({
    ...rawClient(),
    topics: check.either(text(), list(text(), { min: 1 })),
    qos: optional(word(0, 1, 2)),
  }),
  createFakeBroker: options<FakeBrokerOptions>({
    receiveMaximum: optional(integer({ min: 1, max: 65_535 })),
    onConnect: optional(callback<NonNullable<FakeBrokerOptions['onConnect']>>()),
    onPacket: optional(callback<NonNullable<FakeBrokerOptions['onPacket']>>()),
  }),
  createLedgerPublisher: options<check.InMilliseconds<LedgerPublisherOptions>>({
    host: optional(text({ max: 255 })),
    port,
    protocolVersion: optional(word(4, 5)),
    clientId: optional(text({ max: 16_383 })),
    username: optional(text({ max: 16_383 })),
    password: optional(check.hidden(text({ max: 16_383 }))),
    window: optional(integer({ min: 1, max: 65_535 })),
    ledgerFile: optional(text({ max: 4_096 })),
    reconnectDelay: wait,
    connectTimeout: wait,
  }),
  'publisher.publishAll': options<PublishAllOptions>({
    window: optional(integer({ min: 1, max: 65_535 })),
    rate: optional(number({ above: 0 })),
  }),
  connectRaw: options<RawClientOptions>({
    port,
    clientId: text({ min: 0, max: 16_383 }),
    clean: flag,
    onPublish: optional(callback<NonNullable<RawClientOptions['onPublish']>>()),
  }),
  createTcpProxy: options<TcpProxyOptions>({
    targetHost: optional(text({ max: 255 })),
    port: optional(port),
    onClientData: optional(callback<NonNullable<TcpProxyOptions['onClientData']>>()),
    onServerData: optional(callback<NonNullable<TcpProxyOptions['onServerData']>>()),
  }),
  waitUntil: options<check.InMilliseconds<WaitUntilOptions>>({ timeout: wait, interval: wait }),
  'client.next': options<check.InMilliseconds<NextOptions>>({
    where: optional(callback<NonNullable<NextOptions['where']>>()),
    timeout: wait,
  }),
}

function rawClient(): check.OptionRules<RawMqttClientOptions> {
  return {
    host: optional(text({ max: 255 })),
    port,
    protocolVersion: optional(word(4, 5)),
    // Fields of a packet, which the library that writes it looks at: a test may send what is wrong.
    connect: optional(check.record as check.Rule<NonNullable<RawMqttClientOptions['connect']>>),
    acknowledge: optional(flag),
  }
}

export const acceptOptions = <Call extends keyof OptionsOf>(call: Call, given: unknown): Accepted<Call> =>
  accept<Accepted<Call>>(call, 'options', RULES[call], given)

export const acceptPort = (call: string, given: unknown): number => accept(call, 'port', port, given)

export const acceptWait = (what: unknown, condition: unknown): void => {
  accept('waitUntil', 'what', text(), what)
  accept('waitUntil', 'condition', callback(), condition)
}

/** Aedes looks at its own options; here only that they can be read. */
export const acceptAedes = (given: unknown): AedesOptions & ServiceOptions => {
  const taken = accept('startAedes', 'options', check.record, given)
  accept('startAedes', 'options', check.partOf<ServiceOptions>(SERVICE, 'an object of options'), taken)
  return taken as AedesOptions & ServiceOptions
}

export const acceptMode = (call: string, mode: unknown): FlowMode =>
  accept(call, 'mode', word<FlowMode>('flow', 'stall', 'drop'), mode)

/** By name; `known` are those that there are. */
export const acceptName = <Name extends string>(call: string, name: unknown, known: readonly Name[]): Name =>
  accept(call, 'name', word(...known), name)
export const acceptNames = <Name extends string>(
  call: string,
  names: unknown,
  known: readonly Name[],
): readonly Name[] => accept(call, 'names', list(word(...known)), names)
export const acceptText = (call: string, argument: string, value: unknown): string =>
  accept(call, argument, text(), value)
export const acceptPostgres = (postgres: unknown): void => {
  accept(
    'hasExtension',
    'postgres',
    check.port<PostgresService>('a service of startPostgres()', 'sql'),
    postgres,
  )
}

export const acceptCount = (call: string, given: unknown): number => accept(call, 'number', count, given)

type Source<T> = Iterable<T> | AsyncIterable<T>
const SOURCE = check.satisfies<Source<LedgerMessage>>(
  'a list of messages, or something to iterate over',
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    (Symbol.iterator in value || Symbol.asyncIterator in value),
)
export const acceptSource = (call: string, given: unknown): Source<LedgerMessage> =>
  accept(call, 'messages', SOURCE, given)

const INBOUND = check.partOf<Pick<InboundMessage, 'topic' | 'payload'>>(
  { topic: text({ min: 0 }), payload: check.bytes },
  'a message',
)
export const acceptHeld = (message: unknown, settle: unknown): void => {
  accept('ingest.push', 'message', INBOUND, message)
  accept('ingest.push', 'settle', callback(), settle)
}
export const acceptList = <T>(call: string, argument: string, given: unknown): readonly T[] =>
  accept(call, argument, list(check.anything<T>()), given)
