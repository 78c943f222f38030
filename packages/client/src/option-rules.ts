import * as check from '@devicehub/core/check'
import { type AnyDeviceType, DEVICE_STATUSES, isDeviceType } from '@devicehub/core/definition'
import type { BackoffOptions } from '@devicehub/core/transport'
import type { BatchSample, RecordOptions, StatusReport } from './device-client.js'
import type { Credentials, DeviceClientOptions, OutboxFolder, TlsOptions } from './device-client-options.js'
import type { DeviceDeclaration, UntypedDevice } from './device-declaration.js'
import type { ReportOptions } from './twin/device-twin.js'

const {
  accept,
  duration,
  durationInSeconds,
  durationToHandOn,
  hidden,
  number,
  optional,
  options,
  text,
  word,
} = check

/** Bytes and counts; Infinity for no bound. */
const atLeast = (min: number) =>
  check.satisfies<number>(
    `a whole number of at least ${min.toLocaleString('en-US')}`,
    (value) =>
      value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) >= min),
  )

/** What MQTT counts in seconds; stays a number of them. */
const wholeSeconds = (max: number) => optional(durationInSeconds({ max, wholeSeconds: true }))
const answer = optional(duration({ min: '1ms', max: '1h' }))

/** User names and passwords have up to 65,535 bytes in MQTT. */
const secret = hidden(text({ min: 0, max: 16_383 }))

/** Node takes any bytes, its types want a Buffer. */
const pem = check.pem as check.Rule<string | Buffer>

const CREDENTIALS = options<Credentials>({ username: secret, password: secret })

const TLS = options<TlsOptions>({
  ca: optional(check.either(pem, check.list(pem, { max: 1000 }))),
  cert: optional(pem),
  key: optional(pem),
  passphrase: optional(secret),
  servername: optional(text({ max: 255 })),
})

const OUTBOX = options<OutboxFolder>(
  { folder: text(), maxBytes: optional(atLeast(16_384)), drop: optional(word('oldest', 'newest')) },
  '{ folder }',
)

const CLIENT = options<check.InMilliseconds<DeviceClientOptions>>({
  url: hidden(text({ expected: 'a URL like mqtts://broker.example.com:8883' })),
  // The device id has a check of its own, which names the invalid character.
  deviceId: check.anything<string>('a text of the letters a to z, digits, _ and -'),
  credentials: optional(
    check.either(CREDENTIALS, check.callback<() => Credentials | Promise<Credentials>>()),
  ),
  protocolVersion: optional(word(4, 5)),
  clientId: optional(text({ max: 16_383 })),
  topicPrefix: optional(check.anything<string>()),
  tls: optional(TLS),
  keepAlive: wholeSeconds(65_535),
  connectTimeout: optional(duration({ min: '1ms', max: '5m' })),
  sessionExpiry: wholeSeconds(0xffffffff),
  willDelay: wholeSeconds(0xffffffff),
  reconnect: optional(
    options<BackoffOptions>({
      min: optional(durationToHandOn({ max: '1m' })),
      max: optional(durationToHandOn({ max: '1d' })),
      factor: optional(number({ min: 1, max: 1000 })),
      jitter: optional(number({ min: 0, max: 1 })),
      random: optional(check.callback<() => number>()),
    }),
  ),
  outbox: optional(check.either(word('memory'), OUTBOX)),
  maxQueued: optional(atLeast(1)),
  maxQueuedBytes: optional(atLeast(1)),
  maxInFlight: optional(atLeast(1)),
  maxAttempts: optional(atLeast(1)),
  ackTimeout: answer,
  maxBatchSamples: optional(atLeast(1)),
  maxBatchBytes: optional(atLeast(1)),
  maxPendingCommands: optional(atLeast(1)),
  rememberedCommands: optional(atLeast(1)),
  heartbeat: optional(check.either(duration({ min: '1ms', max: '366d' }), word(false))),
})

const UNTYPED = options<UntypedDevice>(
  {
    type: check.anything<string>('the name of a device type'),
    topicTemplate: optional(check.anything<string>()),
  },
  "a device type, or { type: 'name' }",
)

/** Of `createDeviceClient`; each throws `invalid_options` with the key and what is expected. */
export const acceptClient = (given: unknown): check.InMilliseconds<DeviceClientOptions> =>
  accept('createDeviceClient', 'options', CLIENT, given)

export const acceptDeclaration = (given: unknown): DeviceDeclaration =>
  isDeviceType(given) ? (given as AnyDeviceType) : accept('createDeviceClient', 'the device', UNTYPED, given)

const signal = optional(check.abortSignal)

const SAMPLE = {
  timestamp: optional(check.date),
  id: optional(text({ max: 128 })),
}
const RECORD = options<RecordOptions>({ ...SAMPLE, signal })
const BATCH = check.list(
  options<BatchSample<Readonly<Record<string, unknown>>>>({ ...SAMPLE, readings: check.record }),
)
const WAIT = options<Pick<RecordOptions, 'signal'>>({ signal })

const STATUS = options<StatusReport>({
  status: optional(word(...DEVICE_STATUSES)),
  batteryLevel: optional(number({ min: 0, max: 100 })),
  firmwareVersion: optional(text({ min: 0, max: 50 })),
})

const CLOSE = options<check.InMilliseconds<check.CloseOptions>>({
  // A device on a slow link may take as long as it needs.
  timeout: optional(duration({ max: '7d', infinite: true })),
})

const REPORT = options<ReportOptions>({ timestamp: optional(check.date), signal })

/** Of a client's methods; what is sent fails with `invalid_payload`, how it is sent with `invalid_options`. */
export const acceptReadings = (given: unknown): Readonly<Record<string, unknown>> =>
  accept('client.record', 'readings', check.record, given, 'invalid_payload')
export const acceptRecord = (given: unknown): RecordOptions =>
  accept('client.record', 'options', RECORD, given, 'invalid_payload')
export const acceptBatch = (given: unknown): readonly BatchSample<Readonly<Record<string, unknown>>>[] =>
  accept('client.recordBatch', 'samples', BATCH, given, 'invalid_payload')
export const acceptStatus = (given: unknown): StatusReport =>
  accept('client.reportStatus', 'report', STATUS, given, 'invalid_payload')
export const acceptPatch = (given: unknown): Readonly<Record<string, unknown>> =>
  accept('client.twin.report', 'state', check.record, given, 'invalid_payload')
export const acceptReport = (given: unknown): ReportOptions =>
  accept('client.twin.report', 'options', REPORT, given)
export const acceptWait = (call: string, given: unknown): Pick<RecordOptions, 'signal'> =>
  accept(call, 'options', WAIT, given)
export const acceptClose = (given: unknown): check.InMilliseconds<check.CloseOptions> =>
  accept('client.close', 'options', CLOSE, given)

export const acceptEvent = (name: unknown, handler: unknown): void => {
  accept('client.on', 'name', word('state', 'error'), name)
  accept('client.on', 'handler', check.callback(), handler)
}

export const acceptCommand = (name: unknown): string =>
  accept('client.onCommand', 'name', text({ max: 128 }), name)
