import { DeviceHubError, isDeviceHubError } from '@devicehub/core'
import { errorLine } from '@devicehub/core/transport'

/** What a source of messages throws, or a message of it that cannot be written. */
export function refuseSource(cause: unknown): never {
  if (isDeviceHubError(cause)) throw cause
  throw new DeviceHubError(
    'invalid_options',
    `publisher.publishAll: reading the messages failed: ${errorLine(cause)}`,
    { cause },
  )
}
