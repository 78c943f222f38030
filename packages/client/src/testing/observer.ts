import { connectAsync, type IClientOptions, type IPublishPacket } from 'mqtt'

export interface Observed {
  readonly topic: string
  // biome-ignore lint/suspicious/noExplicitAny: tests look into payloads of any shape
  readonly payload: any
  readonly packet: IPublishPacket
}

export interface Observer extends AsyncDisposable {
  readonly messages: Observed[]
  /** Payloads of one channel, e.g. `data`. */
  on(channel: string): Observed['payload'][]
  publish(topic: string, payload: unknown, options?: { readonly retain?: boolean }): Promise<void>
}

/** A client of the test's own that sees everything the device sends, and can send to it. */
export async function startObserver(
  url: string,
  options: IClientOptions & { readonly filter?: string } = {},
): Promise<Observer> {
  const { filter = '#', ...mqttOptions } = options
  const messages: Observed[] = []
  const client = await connectAsync(url, { protocolVersion: 4, reconnectPeriod: 200, ...mqttOptions })
  client.on('error', () => {})
  client.on('message', (topic, payload, packet) => {
    messages.push({ topic, payload: JSON.parse(payload.toString('utf8')), packet })
  })
  await client.subscribeAsync(filter, { qos: 1 })
  return {
    messages,
    on: (channel) =>
      messages.filter(({ topic }) => topic.endsWith(`/${channel}`)).map(({ payload }) => payload),
    async publish(topic, payload, { retain = false } = {}) {
      const text = typeof payload === 'string' ? payload : JSON.stringify(payload)
      await client.publishAsync(topic, text, { qos: 1, retain })
    },
    [Symbol.asyncDispose]: () => client.endAsync(true),
  }
}
