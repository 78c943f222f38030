import { createLedgerPublisher, type MosquittoService } from '@devicehub/test-kit'
import mqtt from 'mqtt'
import { TOPIC } from './candidates.js'
import { payload, sample } from './workload.js'

/** Leaves `count` messages in the queue of the session that every candidate takes over. */
export async function fillQueue(broker: MosquittoService, count: number): Promise<void> {
  const session = mqtt.connect(broker.url, {
    clientId: 'bench',
    clean: true,
    protocolVersion: 5,
    properties: { sessionExpiryInterval: 0 },
  })
  await new Promise((resolve) => session.once('connect', resolve))
  await session.endAsync()
  const holder = mqtt.connect(broker.url, {
    clientId: 'bench',
    clean: false,
    protocolVersion: 5,
    properties: { sessionExpiryInterval: 3600 },
  })
  await holder.subscribeAsync(TOPICS, { qos: 1 })
  await holder.endAsync()
  await using publisher = createLedgerPublisher({ port: broker.port })
  await publisher.publishAll(messages(count))
}

/** What the listener subscribes to: all of a device type's inbound channels. */
const TOPICS = ['data', 'status', 'response', 'state'].map((channel) => TOPIC.replace(/data$/, channel))

function* messages(count: number) {
  for (let n = 0; n < count; n++) {
    const data = sample(n)
    yield { key: String(n), topic: data.topic, payload: payload(data) }
  }
}
