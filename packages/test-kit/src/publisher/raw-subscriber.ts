import * as check from '@devicehub/core/check'
import type { IPublishPacket, QoS } from 'mqtt-packet'
import { type WaitUntilOptions, waitUntil } from '../services/wait-until.js'
import {
  createRawClient,
  RAW_CLIENT_OPTIONS,
  type RawMqttClient,
  type RawMqttClientOptions,
} from './raw-client.js'

export interface RawSubscriberOptions extends RawMqttClientOptions {
  /** Topic filter or filters. */
  readonly topics: string | readonly string[]
  /** Default 1. */
  readonly qos?: QoS
}

const { list, text, word } = check

const OPTIONS = check.options<RawSubscriberOptions>({
  ...RAW_CLIENT_OPTIONS,
  topics: check.either(text(), list(text(), { min: 1 })),
  qos: check.optional(word(0, 1, 2)),
})

export interface RawSubscriber extends RawMqttClient {
  /** Publications so far, redelivered ones too. */
  readonly messages: readonly IPublishPacket[]
  /** The first `count` publications, waiting for them. */
  take(count: number, options?: Pick<WaitUntilOptions, 'timeout'>): Promise<readonly IPublishPacket[]>
}

/** A raw client that has subscribed and, unless told otherwise, acknowledges what it gets. */
export async function createRawSubscriber(given: RawSubscriberOptions): Promise<RawSubscriber> {
  const { topics, qos, ...options } = check.accept('createRawSubscriber', 'options', OPTIONS, given)
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
