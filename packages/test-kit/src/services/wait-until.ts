import { setTimeout as sleep } from 'node:timers/promises'
import type { Duration } from '@devicehub/core'
import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { timeLimit } from '../option-rules.js'

export interface WaitUntilOptions {
  /** How long it tries. Default 1 min: a busy machine can be very slow. */
  readonly timeout?: Duration
  /** The pause between two looks. Default 20 ms. */
  readonly interval?: Duration
}

const OPTIONS = check.options<check.InMilliseconds<WaitUntilOptions>>({
  timeout: timeLimit,
  interval: timeLimit,
})

/**
 * Waits until `condition` returns something truthy and returns it. An error counts as "not yet"; the last one is
 * the cause of the failure. `what` completes the sentence "waited N s for ...".
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
