import { type AnyDeviceType, deviceTopics } from '@devicehub/core'
import { INBOUND_CHANNELS, OUTBOUND_CHANNELS } from '@devicehub/core/transport'
import type { ProvisionHub } from '../provision-hub.js'
import type { SinkDevice } from '../sinks/credential-sink.js'
import { usernameOf } from './username.js'

/** A device as a broker has to know it. */
export function sinkDevice(
  { topicPrefix, deviceIdMaxLength }: Pick<ProvisionHub, 'topicPrefix' | 'deviceIdMaxLength'>,
  type: AnyDeviceType,
  deviceId: string,
): SinkDevice {
  const topics = deviceTopics(type, deviceId, { prefix: topicPrefix, deviceIdMaxLength })
  const username = usernameOf(type, deviceId)
  return {
    type,
    deviceId,
    username,
    clientId: username,
    topics: {
      publish: INBOUND_CHANNELS.map((channel) => topics[channel]),
      subscribe: OUTBOUND_CHANNELS.map((channel) => topics[channel]),
    },
  }
}
