import { check, type OutboundMessage } from '@devicehub/core'
import type { TopicHandler, TopicHandlerOptions } from '../handlers/topic-handler'
import type { StopOptions } from '../listener/broker'
import { MAX_SLOTS } from '../slots/slots'
import type { ListenerHub } from './listener-hub'
import type { BrokerOptions, MqttListenerOptions, ReconnectOptions, SlotOptions } from './options'

const { accept, brokerName, hidden, integer, number, optional, options, text, word } = check

/** Longer ones than the protocol's 65,535 bytes could not be sent. */
const PROTOCOL_TEXT = 16_383
const MAX_TIMER_MS = 0x7fffffff

const milliseconds = (min: number) => optional(integer({ min, max: MAX_TIMER_MS }))
const pem = optional(check.pem)

const BROKER = {
  url: optional(hidden(text({ expected: 'a URL such as mqtt://localhost:1883' }))),
  protocolVersion: optional(word(4, 5)),
  clientId: optional(text({ max: PROTOCOL_TEXT })),
  slots: optional(
    options<SlotOptions>({
      group: text({ max: 64, pattern: /^[A-Za-z0-9_-]+$/, expected: '1 to 64 letters, digits, _ and -' }),
      max: integer({ min: 1, max: MAX_SLOTS }),
      lease: optional(number({ min: 1, max: 3_600 })),
      // Goes into the names of leases, as the group does.
      broker: optional(
        text({
          max: 128,
          pattern: /^[A-Za-z0-9._:-]+$/,
          expected: '1 to 128 letters, digits and . _ : -',
        }),
      ),
    }),
  ),
  username: optional(text({ max: PROTOCOL_TEXT })),
  password: optional(hidden(text({ min: 0, max: PROTOCOL_TEXT }))),
  ca: pem,
  cert: pem,
  key: pem,
  servername: optional(text({ max: 255 })),
  rejectUnauthorized: optional(check.flag),
  keepalive: optional(integer({ min: 0, max: 65_535 })),
  sharedGroup: optional(
    check.either(
      word(false),
      text({ max: PROTOCOL_TEXT, pattern: /^[^/+#]+$/, expected: 'a name without / + #' }),
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

const HANDLER = options<TopicHandlerOptions>({
  qos: optional(word(0, 1, 2)),
  timeout: milliseconds(1),
  concurrency: optional(integer({ min: 1, max: 65_535 })),
  shared: optional(check.flag),
  name: optional(
    text({ max: 64, pattern: /^[A-Za-z0-9_-]+$/, expected: '1 to 64 letters, digits, _ and -' }),
  ),
  broker: optional(brokerName),
})

const STOP = options<StopOptions>({ leave: optional(check.flag) })
const AT_BROKER = options<{ readonly broker?: string }>({ broker: optional(brokerName) })

export const acceptBroker = (broker: unknown): string | undefined =>
  broker === undefined ? undefined : accept('listener.publish', 'broker', brokerName, broker)

export const acceptMessage = (message: unknown): OutboundMessage =>
  accept('listener.publish', 'message', check.outboundMessage, message)

/** Of `createMqttListener`; each throws `invalid_options` with the key and what is expected. */
export const acceptHub = (hub: unknown): ListenerHub => accept('createMqttListener', 'hub', HUB, hub)

export const acceptListener = (given: unknown): MqttListenerOptions =>
  accept('createMqttListener', 'options', LISTENER, given)

export const acceptHandler = (filter: unknown, handler: unknown, given: unknown): TopicHandlerOptions => {
  // Its own check names what is wrong with it.
  accept('listener.handle', 'filter', text({ min: 0, max: 65_535 }), filter)
  accept('listener.handle', 'handler', check.callback<TopicHandler>(), handler)
  return accept('listener.handle', 'options', HANDLER, given)
}

export const acceptStop = (given: unknown): StopOptions => accept('listener.stop', 'options', STOP, given)

export const acceptAdopt = (clientId: unknown, given: unknown): { readonly broker?: string } => {
  accept('listener.adopt', 'clientId', text({ max: PROTOCOL_TEXT }), clientId)
  return accept('listener.adopt', 'options', AT_BROKER, given)
}
