import * as check from '@devicehub/core/check'
import { MAX_TEXT } from '../settings/option-rules.js'
import type { StopOptions } from './broker.js'

const { accept, brokerName, optional, options, text } = check

const STOP = options<StopOptions>({ endSession: optional(check.flag) })
const AT_BROKER = options<{ readonly broker?: string }>({ broker: optional(brokerName) })

/** The second argument of `listener.publish`. Each of these throws `invalid_options`. */
export const acceptBroker = (broker: unknown): string | undefined =>
  broker === undefined ? undefined : accept('listener.publish', 'broker', brokerName, broker)

export const acceptStop = (given: unknown): StopOptions => accept('listener.stop', 'options', STOP, given)

export const acceptClose = (given: unknown): StopOptions => accept('listener.close', 'options', STOP, given)

export function acceptEndSessionsOf(clientId: unknown, given: unknown): { readonly broker?: string } {
  accept('listener.endSessionsOf', 'clientId', text({ max: MAX_TEXT }), clientId)
  return accept('listener.endSessionsOf', 'options', AT_BROKER, given)
}
