import type { IPublishPacket, QoS } from 'mqtt-packet'
import { acceptOptions } from '../option-rules.js'
import { type WaitUntilOptions, waitUntil } from '../services/wait-until.js'
import { createRawClient, type RawMqttClient, type RawMqttClientOptions } from './raw-client.js'

export interface RawSubscriberOptions extends RawMqttClientOptions {
  /** Topic filter or filters. */
  readonly topics: string | readonly string[]
  /** Default 1. */
  readonly qos?: QoS
}

export interface RawSubscriber extends RawMqttClient {
  /** Publications so far, redelivered ones too. */
  readonly messages: readonly IPublishPacket[]
  /** The first `count` publications, waiting for them. */
  take(count: number, options?: Pick<WaitUntilOptions, 'timeout'>): Promise<readonly IPublishPacket[]>
}

/** A raw client that has subscribed and, unless told otherwise, acknowledges what it gets. */
export async function createRawSubscriber(given: RawSubscriberOptions): Promise<RawSubscriber> {
  const { topics, qos, ...options } = acceptOptions('createRawSubscriber', given)
  const client = await createRawClient({ acknowledge: true, ...options })
  try {
    for (const topic of [topics].flat()) await client.subscribe(topic, qos)
  } catch (error) {
    await client.destroy()
    throw error
  }
  // A getter of its own, since a copy of the client would freeze the client's.
  return Object.defineProperties(client as RawSubscriber, {
    messages: { get: () => publications(client), enumerable: true },
    take: {
      value: async (count: number, wait?: Pick<WaitUntilOptions, 'timeout'>) => {
        await waitUntil(`${count} publications`, () => publications(client).length >= count, wait)
        return publications(client).slice(0, count)
      },
    },
  })
}

const publications = (client: RawMqttClient) =>
  client.received.filter((packet): packet is IPublishPacket => packet.cmd === 'publish')
