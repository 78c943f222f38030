import { isInstalled, type Service, startHiveMq, startMosquitto } from '@devicehub/test-kit'

/** Two brokers whose shared groups differ: what a member leaves behind stays its own at the one, and not at the other. */
export const BROKERS = [
  { name: 'mosquitto', start: (): Promise<Service> => startMosquitto(), available: true },
  {
    name: 'HiveMQ',
    start: (): Promise<Service> => startHiveMq({ receiveMaximum: 100 }),
    available: isInstalled('hivemq'),
  },
]
