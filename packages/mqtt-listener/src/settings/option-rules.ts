import type { Duration } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import type { ListenerHub } from './listener-hub.js'
import type { BrokerOptions, MqttListenerOptions, SlotOptions } from './options.js'

const {
  accept,
  brokerName,
  duration,
  durationInSeconds,
  hidden,
  integer,
  number,
  optional,
  options,
  text,
  word,
} = check

/** Characters. MQTT strings have at most 65,535 bytes, and a character takes up to four in UTF-8. */
export const MAX_TEXT = 16_383
/** The largest `slots.max`. */
export const MAX_SLOTS = 1_024
/** For a publication, a call or a stop: an hour is more than any of them can mean. */
export const wait = (min: Duration, max: Duration = '1h') => optional(duration({ min, max }))
const pause = (max: Duration) => optional(durationInSeconds({ min: '1ms', max }))
const pem = optional(check.pem)

/** Seconds. */
export interface ReconnectSettings {
  readonly min: number
  readonly max: number
  readonly jitter: number
}

/** Checked: what MQTT counts in seconds is a number of them, the rest is in milliseconds. */
export type AcceptedBroker = Omit<check.InMilliseconds<BrokerOptions>, 'slots' | 'reconnect'> & {
  readonly slots?: check.InMilliseconds<SlotOptions> | undefined
  readonly reconnect?: Partial<ReconnectSettings>
}

export type AcceptedListener = AcceptedBroker &
  Pick<MqttListenerOptions, 'name'> & { readonly brokers?: Readonly<Record<string, AcceptedBroker>> }

const BROKER = {
  url: optional(hidden(text({ expected: 'a URL such as mqtt://localhost:1883' }))),
  protocolVersion: optional(word(4, 5)),
  clientId: optional(text({ max: MAX_TEXT })),
  slots: optional(
    options<check.InMilliseconds<SlotOptions>>({
      group: text({ max: 64, pattern: /^[A-Za-z0-9_-]+$/, expected: '1 to 64 letters, digits, _ and -' }),
      max: integer({ min: 1, max: MAX_SLOTS }),
      lease: optional(duration({ min: '1s', max: '1h' })),
      // Part of the lease names, like the group.
      broker: optional(
        text({
          max: 128,
          pattern: /^[A-Za-z0-9._:-]+$/,
          expected: '1 to 128 letters, digits and . _ : -',
        }),
      ),
    }),
  ),
  username: optional(text({ max: MAX_TEXT })),
  password: optional(hidden(text({ min: 0, max: MAX_TEXT }))),
  ca: pem,
  cert: pem,
  key: pem,
  servername: optional(text({ max: 255 })),
  rejectUnauthorized: optional(check.flag),
  keepAlive: optional(durationInSeconds({ max: 65_535, wholeSeconds: true })),
  sharedGroup: optional(
    check.either(
      word(false),
      text({ max: MAX_TEXT, pattern: /^[^/+#]+$/, expected: 'a name without / + #' }),
    ),
  ),
  qos: optional(word(0, 1, 2)),
  cleanStart: optional(check.flag),
  sessionExpiry: optional(durationInSeconds({ min: 1, max: 0xffffffff, wholeSeconds: true })),
  receiveMaximum: optional(integer({ min: 1, max: 65_535 })),
  maxQueuedQos0: optional(integer({ min: 0 })),
  yieldEvery: optional(integer({ min: 1 })),
  reconnect: optional(
    options<Partial<ReconnectSettings>>({
      min: pause('1m'),
      max: pause('1d'),
      jitter: optional(number({ min: 0, max: 1 })),
    }),
  ),
  connectTimeout: wait('1ms', '5m'),
  drainTimeout: wait(0),
  quietPeriod: wait('1ms', '1m'),
  publishTimeout: wait('1ms'),
  ackTimeout: wait('1ms'),
  maxPendingPublications: optional(integer({ min: 1 })),
  maxInFlightPublications: optional(integer({ min: 1, max: 65_535 })),
  onConnect: optional(check.callback<NonNullable<BrokerOptions['onConnect']>>()),
  onDisconnect: optional(check.callback<NonNullable<BrokerOptions['onDisconnect']>>()),
}

const LISTENER = options<AcceptedListener>({
  ...BROKER,
  name: optional(brokerName),
  brokers: optional(check.mapOf(options<AcceptedBroker>(BROKER), 'an object of brokers by name')),
})

const HUB = check.port<ListenerHub>('a hub made by createDeviceHub', 'attach', 'attachHandler', 'quarantine')

/** Throws `invalid_options` with the key and what is expected. */
export const acceptHub = (hub: unknown): ListenerHub => accept('createMqttListener', 'hub', HUB, hub)

/** Throws `invalid_options` with the key and what is expected. */
export const acceptListener = (given: unknown): AcceptedListener =>
  accept('createMqttListener', 'options', LISTENER, given)
