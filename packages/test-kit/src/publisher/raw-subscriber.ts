import * as check from '@devicehub/core/check'
import type { IPublishPacket, QoS } from 'mqtt-packet'
import { type WaitUntilOptions, waitUntil } from '../services/wait-until.js'
import {
  createRawClient,
  RAW_CLIENT_OPTIONS,
  type RawMqttClient,
  type RawMqttClientOptions,
} from './raw-client.js'

/** Options of `createRawSubscriber`. `acknowledge` is true by default. */
export interface RawSubscriberOptions extends RawMqttClientOptions {
  /** A topic filter, or several. */
  readonly topics: string | readonly string[]
  /** The QoS of the subscriptions. Default 1. */
  readonly qos?: QoS
}

const { list, text, word } = check

const OPTIONS = check.options<RawSubscriberOptions>({
  ...RAW_CLIENT_OPTIONS,
  topics: check.either(text(), list(text(), { min: 1 })),
  qos: check.optional(word(0, 1, 2)),
})

/** A raw client with subscriptions. */
export interface RawSubscriber extends RawMqttClient {
  /** Publications received so far, redelivered ones included. */
  readonly messages: readonly IPublishPacket[]
  /** The first `count` publications; waits for them. `transport_unavailable` after `timeout` (default 1 min). */
  take(count: number, options?: Pick<WaitUntilOptions, 'timeout'>): Promise<readonly IPublishPacket[]>
}

/**
 * Connects a raw client, subscribes it and acknowledges what it receives, unless `acknowledge: false`.
 *
 * @example
 * import { createRawSubscriber, startMosquitto } from '@devicehub/test-kit'
 *
 * await using broker = await startMosquitto()
 * await using subscriber = await createRawSubscriber({ port: broker.port, topics: 'things/#' })
 * const [first] = await subscriber.take(1)
 */
export async function createRawSubscriber(given: RawSubscriberOptions): Promise<RawSubscriber> {
  const { topics, qos, ...options } = check.accept('createRawSubscriber', 'options', OPTIONS, given)
  const client = await createRawClient({ acknowledge: true, ...options })
  try {
    for (const topic of [topics].flat()) await client.subscribe(topic, qos)
  } catch (error) {
    await client.destroy()
    throw error
  }
  // A getter, because a copy of the client would freeze the list.
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
