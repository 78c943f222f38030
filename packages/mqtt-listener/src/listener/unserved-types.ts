import type { AnyDeviceType } from '@devicehub/core'
import type { ListenerHub } from '../settings/listener-hub.js'
import { brokerOf, isMqttType, protocolOf } from '../settings/type-broker.js'

/** Protocols that the application receives by itself, without a listener. */
const WITHOUT_LISTENER = new Set(['http'])

/** Logs a warning for each device type whose messages nobody receives, with the option that causes it. */
export function warnOfUnservedTypes(hub: ListenerHub, brokers: readonly string[]): void {
  for (const type of hub.types) {
    const problem = problemOf(type, hub, brokers)
    if (problem === null) continue
    hub.logger.warn(
      { type: type.key, protocol: protocolOf(type), broker: brokerOf(type), brokers },
      `no messages are received for the device type "${type.key}": ${problem}`,
    )
  }
}

function problemOf(type: AnyDeviceType, hub: ListenerHub, brokers: readonly string[]): string | null {
  const protocol = protocolOf(type)
  if (type.abstract || WITHOUT_LISTENER.has(protocol)) return null
  if (!isMqttType(type))
    return `its option \`protocol\` is "${protocol}", and a listener receives "mqtt" only. Correct the option, or pass the messages to hub.ingest`
  const broker = brokerOf(type)
  if (brokers.includes(broker) || hub.isServed?.(broker) === true) return null
  const known = brokers.map((each) => `"${each}"`).join(', ')
  return `its option \`broker\` is "${broker}", and this listener has ${known}. Add "${broker}" to \`brokers\`, or start another listener for it`
}
