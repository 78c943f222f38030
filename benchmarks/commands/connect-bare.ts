import type { Socket } from 'node:net'
import { connectAsync, type MqttClient } from 'mqtt'

/** Without Nagle's delay, which costs mqtt.js 40 ms a round trip by default. */
export async function connectBare(url: string): Promise<MqttClient> {
  const client = await connectAsync(url, { protocolVersion: 5 })
  ;(client.stream as unknown as Socket).setNoDelay(true)
  return client
}
