import type { AnyDeviceType } from '../device-type/device-type.js'
import { DeviceHubError, isRetryable, isStorageFault } from '../errors.js'
import type { MessageStatus } from '../ports/storage.js'
import { CHANNELS, type Channel } from '../topic.js'
import type { ConsumeFrom, ConsumeOptions } from './consumer.js'

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
export function assertConsumerName(name: string): void {
  if (typeof name === 'string' && /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/.test(name)) return
  throw new DeviceHubError(
    'invalid_options',
    `a consumer's name has 1 to 64 letters, digits, ".", "_" and "-" and begins with a letter or digit, not ${JSON.stringify(String(name).slice(0, 80))}`,
    { details: { name } },
  )
}

/** Throws `invalid_options`. */
export function consumeSettings(
  name: string,
  options: ConsumeOptions,
  hub: { readonly types: readonly AnyDeviceType[]; readonly preferredBatch: number },
): ConsumeSettings {
  assertConsumerName(name)
  const refuse = (message: string) => new DeviceHubError('invalid_options', `consumer "${name}": ${message}`)
  const number = (option: string, value: number, min: number, max: number, whole = false) => {
    if (value >= min && value <= max && (!whole || Number.isInteger(value))) return value
    throw refuse(
      `${option} must be a ${whole ? 'whole ' : ''}number from ${min} to ${max}, not ${String(value)}`,
    )
  }
  const { channels, from = 'now', retry = {} } = options
  const types = [...(options.types ?? hub.types), ...(options.unrouted ? [null] : [])]
  if (types.length === 0) throw refuse('it reads nothing; name a type or set `unrouted`')
  for (const channel of channels ?? [])
    if (!CHANNELS.includes(channel))
      throw refuse(`"${channel}" is no channel; there are ${CHANNELS.join(', ')}`)
  if (from instanceof Date ? Number.isNaN(from.getTime()) : from !== 'beginning' && from !== 'now')
    throw refuse(`from is 'beginning', 'now' or a Date, not ${String(from)}`)
  const min = number('retry.min', retry.min ?? 500, 0, 3_600_000)
  return {
    name,
    lease: leaseName(name),
    types: [...new Set(types)],
    channels: channels === undefined ? null : new Set(channels),
    statuses: new Set(options.statuses ?? ['processed']),
    from,
    batch: number('batch', options.batch ?? hub.preferredBatch, 1, 10_000, true),
    tries: number('retry.tries', retry.tries ?? 5, 1, 1_000, true),
    delay: { min, max: number('retry.max', retry.max ?? Math.max(30_000, min), min, 86_400_000) },
    isTransient: retry.isTransient ?? ((error) => isRetryable(error) || isStorageFault(error)),
    timeout: number('timeout', options.timeout ?? 300, 0.001, 86_400) * 1000,
    ttl: number('lease', options.lease ?? 15, 1, 3_600) * 1000,
    pollInterval: number('pollInterval', options.pollInterval ?? 1_000, 10, 3_600_000),
    onGap: options.onGap ?? (() => {}),
  }
}
