import { either, list, mapOf } from '../model/check/compound.js'
import { durationInSeconds } from '../model/check/duration.js'
import { options } from '../model/check/options.js'
import type { Rule } from '../model/check/rule.js'
import { flag, line, optional, port, satisfies, text, withCode, word } from '../model/check/rules.js'
import type { Clock } from './clock.js'
import type { LeaseStore } from './leases.js'
import type { Logger } from './logger.js'
import type { Metrics } from './metrics.js'
import type { OutboundMessage, Transport } from './transport.js'

/** What applications pass in, and several functions take. */

export const logger = port<Logger>('a logger', 'debug', 'info', 'warn', 'error')
/** A sink of counters, with all of its functions. */
export const metrics = port<Metrics>('metrics', 'count', 'gauge', 'observe')
/** A clock, with its function. */
export const clock = port<Clock>('a clock', 'now')
/** The leases of a storage, with all of their functions. */
export const leases = port<LeaseStore>('the leases of a storage', 'find', 'acquire', 'renew', 'release')

/** A transport's name is part of log lines and of the `source` of audit rows, which holds 128 characters. */
export const brokerName = line(64)

const methods = port<Transport>('a transport', 'start', 'stop', 'publish')
/** A transport, with all of its functions and a name of at most 64 characters. */
export const transport: Rule<Transport> = {
  expected: methods.expected,
  take(value, at) {
    const taken = methods.take(value, at)
    brokerName.take(taken.name, `${at}name`)
    return taken
  },
}

/** Longer ones than the protocol's 65,535 bytes could not be sent. */
const PROTOCOL_TEXT = 16_383
const propertyText = optional(text({ min: 0, max: PROTOCOL_TEXT }))

/** `expiresIn`: a number of seconds. */
export type CheckedOutbound = Omit<OutboundMessage, 'expiresIn'> & {
  readonly expiresIn?: number | undefined
}

/** A message to publish. `invalid_topic` for a topic that is no text, `invalid_options` for the rest. */
export const outboundMessage = options<CheckedOutbound>({
  topic: withCode('invalid_topic', text()),
  payload: satisfies<Uint8Array | string>(
    'a text or a Uint8Array',
    (value) => typeof value === 'string' || value instanceof Uint8Array,
  ),
  qos: optional(word(0, 1, 2)),
  retain: optional(flag),
  contentType: propertyText,
  correlationId: propertyText,
  responseTopic: propertyText,
  userProperties: optional(mapOf(either(text({ min: 0 }), list(text({ min: 0 }))))),
  // What the protocol can write.
  expiresIn: optional(durationInSeconds({ max: 0xffffffff })),
})
