import type { AnyDeviceType } from '@devicehub/core'
import type { ListenerHub } from '../settings/listener-hub'

const MQTT = 'mqtt'
/** Served by whoever mounts them, and not by listeners. */
const ELSEWHERE = new Set(['http'])

export const brokerOf = ({ options }: AnyDeviceType): string => options.broker ?? 'default'
export const isOfMqtt = ({ abstract, options }: AnyDeviceType): boolean =>
  !abstract && (options.protocol ?? MQTT) === MQTT

/** Says of which types nothing is received, since an option of theirs names what no listener of the hub serves. */
export function warnOfUnserved(hub: ListenerHub, brokers: readonly string[]): void {
  const isServed = (broker: string) => brokers.includes(broker) || hub.isServed?.(broker) === true
  for (const type of hub.types) {
    if (type.abstract) continue
    const { protocol = MQTT } = type.options
    if (ELSEWHERE.has(protocol)) continue
    const problem = isOfMqtt(type)
      ? brokerProblem(brokerOf(type), brokers, isServed)
      : `its option \`protocol\` is "${protocol}"; a listener serves "${MQTT}". Correct it, or hand its messages to hub.ingest`
    if (problem === null) continue
    hub.logger.warn(
      { type: type.key, protocol, broker: brokerOf(type), brokers },
      `nothing is received of the device type "${type.key}": ${problem}`,
    )
  }
}

function brokerProblem(
  broker: string,
  brokers: readonly string[],
  isServed: (broker: string) => boolean,
): string | null {
  if (isServed(broker)) return null
  const has = brokers.map((each) => `"${each}"`).join(', ')
  return `its option \`broker\` is "${broker}", and this listener has ${has}. Put "${broker}" into \`brokers\`, or start another listener for it`
}
