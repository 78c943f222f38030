import { createHandlerRunner } from '@devicehub/core'
import type { ListenerHub } from '../settings/listener-hub'
import type { BrokerSettings } from '../settings/options'

/** A connection to a broker, of the session that receives the device topics. */
export interface BrokerConnected {
  /** The broker's name in the options. */
  readonly broker: string
  /** Without credentials. */
  readonly url: string
  readonly clientId: string
  /** Whether the broker had kept the session, and the messages that came meanwhile. */
  readonly sessionPresent: boolean
}

export interface BrokerDisconnected extends Pick<BrokerConnected, 'broker' | 'url' | 'clientId'> {
  readonly reason: string
  /** The listener ended it; else it connects again by itself. */
  readonly stopped: boolean
}

export interface ConnectionEvents {
  connected(event: Pick<BrokerConnected, 'clientId' | 'sessionPresent'>): void
  disconnected(event: Pick<BrokerDisconnected, 'clientId' | 'reason' | 'stopped'>): void
}

/** Calls the handlers of the options; what they do, throwing and hanging included, harms nothing. */
export function createConnectionEvents(
  { logger, metrics }: Pick<ListenerHub, 'logger' | 'metrics'>,
  { name: broker, url, onConnect, onDisconnect }: BrokerSettings,
): ConnectionEvents {
  const runnerOf = (name: string) => createHandlerRunner({ name: `${broker}.${name}`, logger, metrics })
  const [connect, disconnect] = [runnerOf('onConnect'), runnerOf('onDisconnect')]

  return {
    connected(event) {
      if (onConnect) connect.run(onConnect, { broker, url, ...event })
    },
    disconnected(event) {
      if (onDisconnect) disconnect.run(onDisconnect, { broker, url, ...event })
    },
  }
}
