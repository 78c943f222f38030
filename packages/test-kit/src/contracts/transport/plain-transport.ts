import { DeviceHubError } from '@devicehub/core'
import type { Ingest, OutboundMessage, Transport } from '@devicehub/core/transport'
import type { IPublishPacket } from 'mqtt-packet'
import { connectRaw, type RawClient } from './raw-client.js'

const RETRY_MS = 50

export interface PlainTransportOptions {
  readonly url: string
  readonly ingest: Ingest
  readonly filter: string
}

/** The least that keeps the contract: the suite is proved with it, and it shows what the contract asks for. */
export function plainTransport({ url, ingest, filter }: PlainTransportOptions): Transport {
  const port = Number(new URL(url).port)
  let client: RawClient | null = null
  let state: 'new' | 'running' | 'stopped' = 'new'
  let inWork = 0
  let idle = () => {}
  let publishing = 0
  // Packets that came while the ingest was full; bounded by what the broker sends unacknowledged.
  const queue: { packet: IPublishPacket; from: RawClient }[] = []
  let full = false

  async function connectOnce(): Promise<void> {
    const next = await connectRaw({
      port,
      clientId: 'plain-transport',
      clean: false,
      onPublish: (packet, from) => {
        queue.push({ packet, from })
        void pump()
      },
    })
    await next.subscribe(filter, 2)
    client = next
    void next.closed.then(() => {
      if (client === next) client = null
      if (state === 'running') void reconnect()
    })
  }

  async function reconnect(): Promise<void> {
    while (state === 'running') {
      try {
        return await connectOnce()
      } catch {
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS))
      }
    }
  }

  async function pump(): Promise<void> {
    if (full) return
    for (let next = queue.shift(); next; next = queue.shift()) {
      const { packet, from } = next
      if (state !== 'running') return
      inWork++
      const hasRoom = ingest.push(
        {
          topic: packet.topic,
          payload: Buffer.from(packet.payload),
          source: 'mqtt:plain',
          qos: packet.qos,
          redelivered: packet.dup,
          retained: packet.retain,
        },
        (outcome) => {
          // Only on the connection it came by: elsewhere the packet id belongs to another message.
          if (outcome.status !== 'failed') from.acknowledge(packet)
          if (--inWork === 0) idle()
        },
      )
      if (hasRoom) continue
      full = true
      await ingest.drained()
      full = false
    }
  }

  return {
    name: 'plain',
    async start() {
      state = 'running'
      await connectOnce()
    },
    async stop() {
      const wasRunning = state === 'running'
      state = 'stopped'
      if (!wasRunning) return
      while (inWork + publishing > 0 && client) {
        await new Promise<void>((resolve) => {
          idle = resolve
          void client?.closed.then(resolve)
        })
      }
      await client?.end()
    },
    async publish({ topic, payload, qos = 1, retain = false }: OutboundMessage) {
      if (state === 'stopped') throw new DeviceHubError('closed', 'The transport was stopped.')
      if (!client) throw new DeviceHubError('transport_unavailable', 'There is no connection to the broker.')
      publishing++
      try {
        await client.publish(topic, payload, { qos, retain })
      } catch (cause) {
        throw new DeviceHubError('transport_unavailable', 'The connection to the broker ended.', { cause })
      } finally {
        publishing--
        if (inWork + publishing === 0) idle()
      }
    },
  }
}
