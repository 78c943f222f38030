import { describeWith, type Service } from '@devicehub/test-kit'

export type BrokerName = 'mosquitto' | 'HiveMQ'

/**
 * The same tests at two brokers whose shared groups differ: what a member leaves behind stays its own at the one, and
 * not at the other.
 */
export function describeBrokers(
  title: string,
  suite: (broker: () => Service, name: BrokerName) => void,
): void {
  describeWith(['mosquitto'], `${title} at mosquitto`, ({ mosquitto }) => suite(mosquitto, 'mosquitto'))
  describeWith({ hivemq: { receiveMaximum: 100 } }, `${title} at HiveMQ`, ({ hivemq }) =>
    suite(hivemq, 'HiveMQ'),
  )
}
