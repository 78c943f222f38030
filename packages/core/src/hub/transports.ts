import { accept, showValue } from '../model/check/index.js'
import { DeviceHubError } from '../model/errors.js'
import { transport as transportRule } from '../ports/checks.js'
import type { OutboundMessage, Transport } from '../ports/transport.js'

interface TransportsContext {
  /** Called with each new one. */
  readonly onAttached: () => void
  readonly isClosed: () => boolean
}

/** The transports of a hub, by the name of their broker. */
export function createTransports({ onAttached, isClosed }: TransportsContext) {
  const attached = new Map<string, Transport>()

  return {
    attach(given: Transport): () => void {
      const transport = accept('hub.attach', 'transport', transportRule, given)
      if (isClosed())
        throw new DeviceHubError(
          'closed',
          `the hub is closed: it takes no transport for the broker "${transport.name}"`,
        )
      if (attached.has(transport.name)) {
        throw new DeviceHubError(
          'invalid_options',
          `a transport for the broker "${transport.name}" is attached already; give each broker a name of its own`,
        )
      }
      attached.set(transport.name, transport)
      onAttached()
      return () => {
        if (attached.get(transport.name) === transport) attached.delete(transport.name)
      }
    },
    publish(message: OutboundMessage, broker = 'default'): Promise<void> {
      const transport = attached.get(broker)
      if (transport !== undefined) return transport.publish(message)
      if (isClosed())
        return Promise.reject(
          new DeviceHubError('closed', 'the hub is closed: it publishes nothing any more'),
        )
      const known = [...attached.keys()].join(', ') || 'none'
      return Promise.reject(
        new DeviceHubError(
          'transport_unavailable',
          `no transport for the broker ${showValue(broker)} is attached (attached: ${known}); start a listener for it`,
        ),
      )
    },
    has: (broker: string): boolean => attached.has(broker),
    async stop(): Promise<void> {
      await Promise.all([...attached.values()].map((transport) => transport.stop()))
    },
  }
}
