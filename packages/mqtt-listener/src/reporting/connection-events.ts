import { createHandlerRunner } from '@devicehub/core/transport'
import type { BrokerSettings } from '../settings/broker-settings.js'
import type { ListenerHub } from '../settings/listener-hub.js'
import type { ConnectEvent, DisconnectEvent } from '../settings/options.js'

/** Calls the options `onConnect` and `onDisconnect` of a broker. */
export interface ConnectionEvents {
  connected(event: Pick<ConnectEvent, 'clientId' | 'sessionPresent'>): void
  disconnected(event: Pick<DisconnectEvent, 'clientId' | 'reason' | 'stopped'>): void
}

/** The calls return at once: a callback that throws or hangs does not disturb the listener. */
export function createConnectionEvents(
  { logger, metrics }: Pick<ListenerHub, 'logger' | 'metrics'>,
  { name: broker, url, onConnect, onDisconnect }: BrokerSettings,
): ConnectionEvents {
  const runnerOf = (name: string) => createHandlerRunner({ name: `${broker}.${name}`, logger, metrics })
  const connectRunner = runnerOf('onConnect')
  const disconnectRunner = runnerOf('onDisconnect')

  return {
    connected(event) {
      if (onConnect) connectRunner.run(onConnect, { broker, url, ...event })
    },
    disconnected(event) {
      if (onDisconnect) disconnectRunner.run(onDisconnect, { broker, url, ...event })
    },
  }
}
