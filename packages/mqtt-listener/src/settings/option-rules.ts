import * as check from '@devicehub/core/check'
import type { ListenerHub } from './listener-hub.js'
import type { BrokerOptions, MqttListenerOptions, ReconnectOptions, SlotOptions } from './options.js'
import { MAX_SLOTS } from './slot-settings.js'

const { accept, brokerName, hidden, integer, number, optional, options, text, word } = check

/** Characters. MQTT strings have at most 65,535 bytes, and a character takes up to four in UTF-8. */
export const MAX_TEXT = 16_383
/** A longer timer would fire at once in Node. */
const MAX_TIMER_MS = 0x7fffffff

export const milliseconds = (min: number) => optional(integer({ min, max: MAX_TIMER_MS }))
const pem = optional(check.pem)

const BROKER = {
  url: optional(hidden(text({ expected: 'a URL such as mqtt://localhost:1883' }))),
  protocolVersion: optional(word(4, 5)),
  clientId: optional(text({ max: MAX_TEXT })),
  slots: optional(
    options<SlotOptions>({
      group: text({ max: 64, pattern: /^[A-Za-z0-9_-]+$/, expected: '1 to 64 letters, digits, _ and -' }),
      max: integer({ min: 1, max: MAX_SLOTS }),
      lease: optional(number({ min: 1, max: 3_600 })),
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
  keepalive: optional(integer({ min: 0, max: 65_535 })),
  sharedGroup: optional(
    check.either(
      word(false),
      text({ max: MAX_TEXT, pattern: /^[^/+#]+$/, expected: 'a name without / + #' }),
    ),
  ),
  qos: optional(word(0, 1, 2)),
  clean: optional(check.flag),
  sessionExpiry: optional(integer({ min: 1, max: 0xffffffff })),
  window: optional(integer({ min: 1, max: 65_535 })),
  qos0Buffer: optional(integer({ min: 0 })),
  yieldEvery: optional(integer({ min: 1 })),
  reconnect: optional(
    options<ReconnectOptions>({
      min: optional(number({ above: 0, max: MAX_TIMER_MS })),
      max: optional(number({ above: 0, max: MAX_TIMER_MS })),
      jitter: optional(number({ min: 0, max: 1 })),
    }),
  ),
  connectTimeout: milliseconds(1),
  drainTimeout: milliseconds(0),
  quietPeriod: milliseconds(1),
  publishTimeout: milliseconds(1),
  publishQueue: optional(integer({ min: 1 })),
  publishWindow: optional(integer({ min: 1, max: 65_535 })),
  onConnect: optional(check.callback<NonNullable<BrokerOptions['onConnect']>>()),
  onDisconnect: optional(check.callback<NonNullable<BrokerOptions['onDisconnect']>>()),
}

const LISTENER = options<MqttListenerOptions>({
  ...BROKER,
  name: optional(brokerName),
  brokers: optional(check.mapOf(options<BrokerOptions>(BROKER), 'an object of brokers by name')),
})

const HUB = check.port<ListenerHub>('a hub made by createDeviceHub', 'attach', 'attachHandler', 'quarantine')

/** Throws `invalid_options` with the key and what is expected. */
export const acceptHub = (hub: unknown): ListenerHub => accept('createMqttListener', 'hub', HUB, hub)

/** Throws `invalid_options` with the key and what is expected. */
export const acceptListener = (given: unknown): MqttListenerOptions =>
  accept('createMqttListener', 'options', LISTENER, given)
