import {
  accept,
  callback,
  date,
  duration,
  either,
  flag,
  integer,
  list,
  Misfit,
  optional,
  options,
  type Rule,
  text,
  word,
} from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { deviceType } from '../model/device-type/type-rule.js'
import { durationText, type InMilliseconds } from '../model/duration.js'
import { DeviceHubError, isRetryable, isStorageFault } from '../model/errors.js'
import { MESSAGE_STATUSES, type MessageStatus } from '../model/message.js'
import { CHANNELS, type Channel } from '../model/topic/index.js'
import { PAGE_BYTES } from '../ports/storage.js'
import type { ConsumeFrom, ConsumeOptions, ConsumeRetry } from './consumer.js'

/** The options of a consumer, checked and complete. Times in milliseconds. */
export interface ConsumeSettings {
  readonly name: string
  readonly lease: string
  /** Null stands for the messages of no known type. */
  readonly types: readonly (AnyDeviceType | null)[]
  readonly channels: ReadonlySet<Channel | null> | null
  readonly statuses: ReadonlySet<MessageStatus>
  readonly from: ConsumeFrom
  readonly batch: number
  readonly maxBatchBytes: number
  readonly tries: number
  readonly delay: { readonly min: number; readonly max: number }
  readonly isTransient: (error: unknown) => boolean
  readonly timeout: number
  readonly ttl: number
  readonly pollInterval: number
  readonly onGap: (gap: { readonly missed: number }) => void
}

export const leaseName = (consumer: string) => `consumer/${consumer}`

/** Of letters that mean the same in every database and URL. */
const NAME = text({
  max: 64,
  pattern: /^[A-Za-z0-9][A-Za-z0-9._-]*$/,
  expected: '1 to 64 letters, digits, ".", "_" and "-" that begin with a letter or digit',
})

export const assertConsumerName = (call: string, name: unknown): string => accept(call, 'name', NAME, name)

const RETRY_MIN = 500
const RETRY_MAX = 30_000

const RETRY: Rule<InMilliseconds<ConsumeRetry>> = (() => {
  const rule = options<InMilliseconds<ConsumeRetry>>({
    tries: optional(integer({ min: 1, max: 1_000 })),
    min: optional(duration({ max: '1m' })),
    max: optional(duration({ max: '1d' })),
    isTransient: optional(callback<NonNullable<ConsumeRetry['isTransient']>>()),
  })
  return {
    expected: rule.expected,
    take(value, at) {
      const retry = rule.take(value, at)
      const { min = RETRY_MIN, max = Math.max(RETRY_MAX, min) } = retry
      if (max < min)
        throw new Misfit(
          `${at}.max`,
          `must be at least retry.min, which is ${durationText(min)}, not ${durationText(max)}`,
          `${durationText(min)} or more`,
        )
      return retry
    },
  }
})()

/** What is asked for, with times in milliseconds. */
export type AcceptedConsume = Omit<InMilliseconds<ConsumeOptions>, 'retry'> & {
  readonly retry?: InMilliseconds<ConsumeRetry>
}

const CONSUME = options<AcceptedConsume>({
  types: optional(list(deviceType, { max: 10_000 })),
  unrouted: optional(flag),
  channels: optional(list(word(...CHANNELS), { max: 100 })),
  statuses: optional(list(word(...MESSAGE_STATUSES), { max: 100 })),
  from: optional(either(word('beginning', 'now'), date)),
  maxBatch: optional(integer({ min: 1, max: 10_000 })),
  maxBatchBytes: optional(integer({ min: 1, max: 2 ** 40 })),
  retry: optional(RETRY),
  timeout: optional(duration({ min: '1ms', max: '1d' })),
  lease: optional(duration({ min: '1s', max: '1h' })),
  pollInterval: optional(duration({ min: '10ms', max: '1h' })),
  onGap: optional(callback<NonNullable<ConsumeOptions['onGap']>>()),
})

export const acceptConsume = (given: unknown): AcceptedConsume =>
  accept('hub.consume', 'options', CONSUME, given)

/** Of options that were looked at. Throws `invalid_options` when there is nothing to read. */
export function consumeSettings(
  name: string,
  given: AcceptedConsume,
  hub: { readonly types: readonly AnyDeviceType[]; readonly preferredBatch: number },
): ConsumeSettings {
  const { channels, retry = {} } = given
  const types = [...(given.types ?? hub.types), ...(given.unrouted ? [null] : [])]
  if (types.length === 0)
    throw new DeviceHubError(
      'invalid_options',
      `hub.consume: the consumer "${name}" reads nothing; name a type or set unrouted`,
    )
  const min = retry.min ?? RETRY_MIN
  return {
    name,
    lease: leaseName(name),
    types: [...new Set(types)],
    channels: channels === undefined ? null : new Set(channels),
    statuses: new Set(given.statuses ?? ['processed']),
    from: given.from ?? 'now',
    batch: given.maxBatch ?? hub.preferredBatch,
    maxBatchBytes: given.maxBatchBytes ?? PAGE_BYTES,
    tries: retry.tries ?? 5,
    delay: { min, max: retry.max ?? Math.max(RETRY_MAX, min) },
    isTransient: retry.isTransient ?? ((error) => isRetryable(error) || isStorageFault(error)),
    timeout: given.timeout ?? 300_000,
    ttl: given.lease ?? 15_000,
    pollInterval: given.pollInterval ?? 1_000,
    onGap: given.onGap ?? (() => {}),
  }
}
