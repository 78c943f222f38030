import type { AnyDeviceType, DeviceHubError } from '@devicehub/core/definition'
import type { IPublishPacket } from 'mqtt-packet'
import { expect, vi } from 'vitest'
import { createDeviceClient } from '../create-device-client.js'
import type { DeviceClient } from '../device-client.js'
import type { DeviceClientOptions } from '../device-client-options.js'
import { type Script, startScriptedBroker } from './scripted-broker.js'

export interface Reply {
  readonly id: string
  readonly command: string
  readonly status: string
  readonly result?: unknown
  readonly error?: string
}

/** A device of a type, not connected yet, and a broker that answers as the test says and stands in for the hub. */
export async function startCommandWorld<Type extends AnyDeviceType>(
  type: Type,
  { script = {}, ...options }: Partial<DeviceClientOptions> & { readonly script?: Script } = {},
) {
  const broker = await startScriptedBroker(script)
  const errors: DeviceHubError[] = []
  let messageId = 100
  const topic = (channel: string) => `things/${type.key}/D-1/${channel}`
  const on = (channel: string) => broker.published().filter((packet) => packet.topic === topic(channel))

  function createClient(): DeviceClient<Type> {
    const client = createDeviceClient(type, {
      url: broker.url,
      deviceId: 'D-1',
      reconnect: { min: '1ms', max: '20ms' },
      ...options,
    })
    client.on('error', (error) => errors.push(error))
    return client
  }
  const client = createClient()

  return {
    broker,
    client,
    errors,
    /** Another one, as a restart of the program would make it. */
    createClient,
    packetsOn: on,
    payloadsOn: (channel: string) => on(channel).map(({ payload }) => JSON.parse(String(payload))),
    replies: (): Reply[] => on('response').map(({ payload }) => JSON.parse(String(payload)) as Reply),
    /** To the device; returns the packet id. */
    send(
      value: unknown,
      { channel = 'cmd', ...packet }: Partial<IPublishPacket> & { channel?: string } = {},
    ) {
      const text = typeof value === 'string' ? value : JSON.stringify(value)
      const { qos = 1, dup = false, retain = false } = packet
      broker.send({
        cmd: 'publish',
        topic: topic(channel),
        payload: text,
        qos,
        dup,
        retain,
        messageId: ++messageId,
        ...packet,
      } as IPublishPacket)
      return messageId
    },
    /** The broker has confirmed all that was sent. */
    async delivered() {
      await vi.waitFor(() => expect(client.stats()).toMatchObject({ queued: 0, inFlight: 0 }), {
        timeout: 60_000,
        interval: 5,
      })
    },
    /** Packet ids the device has acknowledged. */
    acknowledged: () =>
      broker.packets.flatMap((packet) => (packet.cmd === 'puback' ? [packet.messageId] : [])),
    async [Symbol.asyncDispose]() {
      await client.close({ timeout: 0 })
      await broker[Symbol.asyncDispose]()
    },
  }
}
