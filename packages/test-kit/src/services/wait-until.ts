import { setTimeout as sleep } from 'node:timers/promises'
import type { Duration } from '@devicehub/core'
import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { shortPause, timeLimit } from '../option-rules.js'

/** Options of `waitUntil`. */
export interface WaitUntilOptions {
  /** How long it tries before it fails. Default 1 min: a busy machine can be very slow. */
  readonly timeout?: Duration
  /** The pause between two attempts. Default 20 ms. */
  readonly interval?: Duration
}

const OPTIONS = check.options<check.InMilliseconds<WaitUntilOptions>>({
  timeout: timeLimit,
  interval: shortPause,
})

/**
 * Calls `condition` until it returns something truthy, and returns that. An error counts as "not yet". After
 * `timeout` it rejects with `transport_unavailable`; `cause` is the last error. `what` completes the sentence "waited
 * N s for ...".
 *
 * @example
 * import { waitUntil } from '@devicehub/test-kit'
 * import { hub, WeatherStation } from './hub.js'
 *
 * const device = await waitUntil('the device to be online', async () => {
 *   const found = await hub.devices.get(WeatherStation, 'WS-1')
 *   return found?.status === 'online' && found
 * })
 */
export async function waitUntil<T>(
  what: string,
  condition: () => T | Promise<T>,
  given: WaitUntilOptions = {},
): Promise<T & {}> {
  check.accept('waitUntil', 'what', check.text(), what)
  check.accept('waitUntil', 'condition', check.callback(), condition)
  const options = check.accept('waitUntil', 'options', OPTIONS, given)
  const timeout = options.timeout ?? 60_000
  const end = Date.now() + timeout
  let cause: unknown
  for (;;) {
    try {
      const value = await condition()
      if (value) return value
    } catch (error) {
      cause = error
    }
    if (Date.now() > end)
      throw new DeviceHubError('transport_unavailable', `waited ${timeout / 1000} s for ${what}`, { cause })
    await sleep(options.interval ?? 20)
  }
}
