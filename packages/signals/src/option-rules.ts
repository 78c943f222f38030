import type { AnyDeviceType, SignalEvents, SignalName } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { isDeviceType } from '@devicehub/core/definition'
import type { IterateOptions } from './iterate-events.js'
import type { SignalsOptions } from './signals-options.js'
import type { SubscribeOptions } from './subscription.js'

const { accept, durationToHandOn, integer, number, optional, options } = check

/** One of each, so that a signal that is added does not compile until it is here. */
const NAMES: { readonly [Name in SignalName]: true } = {
  deviceDataReceived: true,
  deviceStatusChanged: true,
  deviceConnected: true,
  deviceDisconnected: true,
  deviceCommandSent: true,
  deviceStateReported: true,
  deviceStateDiverged: true,
  deviceProvisioned: true,
}

const maxPending = optional(number({ min: 1, infinite: true }))
/** `createHandlerRunner` takes it further. */
const timeout = optional(durationToHandOn({ min: '1ms', max: '1h' }))

const SIGNALS = options<SignalsOptions>({
  logger: optional(check.logger),
  metrics: optional(check.metrics),
  maxPending,
  timeout,
})

const SUBSCRIBE = options<SubscribeOptions>({
  signal: optional(check.abortSignal),
  label: optional(check.line(255)),
  maxPending,
  timeout,
})

const ITERATE = options<IterateOptions>({
  signal: optional(check.abortSignal),
  maxQueued: optional(integer({ min: 1 })),
})

/** What an event pays. */
export const isName = (name: string): name is SignalName =>
  typeof name === 'string' && Object.hasOwn(NAMES, name)

const NAME = check.word(...(Object.keys(NAMES) as SignalName[]))
const HANDLER = check.callback<(event: SignalEvents[SignalName]) => unknown>()
const TYPE = check.satisfies<AnyDeviceType>('a device type made by defineDeviceType', isDeviceType)

/** Each throws `invalid_options` with the function, the key and what is expected. */
export const acceptSignals = (given: unknown): SignalsOptions =>
  accept('createSignals', 'options', SIGNALS, given)
export const acceptName = (call: string, name: unknown): SignalName => accept(call, 'name', NAME, name)
export const acceptType = (call: string, type: unknown): AnyDeviceType =>
  accept(call, 'type', TYPE, type, 'unknown_type')
export const acceptHandler = (call: string, name: unknown, handler: unknown): void => {
  acceptName(call, name)
  accept(call, 'handler', HANDLER, handler)
}
export const acceptSubscribe = (call: string, given: unknown = {}): SubscribeOptions =>
  accept(call, 'options', SUBSCRIBE, given)
export const acceptIterate = (given: unknown = {}): IterateOptions =>
  accept('signals.iterate', 'options', ITERATE, given)
export const acceptClose = (given: unknown): check.InMilliseconds<check.CloseOptions> =>
  accept('signals.close', 'options', check.closeOptions, given)
