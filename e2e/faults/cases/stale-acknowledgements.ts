import { createFakeBroker, type FakeConnection, waitUntil } from '@devicehub/test-kit'
import { compare, type FaultCase } from '../fault-case.js'
import { startReplica } from '../replica.js'
import { prepareStage } from '../stage.js'
import { publications } from '../workload.js'

const MESSAGES = 100

/**
 * The connection is cut while a commit hangs, and the broker has forgotten the session: it uses the same packet ids again
 * for other messages. An acknowledgement that belongs to the first connection must not go out on the second.
 */
export const staleAcknowledgements: FaultCase = {
  name: 'new session after a cut (stale acknowledgements)',
  async run({ quick, say }) {
    const rounds = quick ? 3 : 10
    await using stage = await prepareStage('postgres')
    const postgres = stage.postgres as NonNullable<typeof stage.postgres>
    await using broker = await createFakeBroker({ onConnect: () => ({ sessionPresent: false }) })
    const replica = startReplica({ url: broker.url, clientId: 'hub-1', target: stage.target })
    const acknowledged = new Set<string>()
    let sent = 0
    let tooEarly = 0
    const send = (connection: FakeConnection) => {
      const batch = [...publications(MESSAGES, sent)]
      sent += MESSAGES
      const ids = connection.publish(
        batch.map(({ topic, payload }, index) => ({ topic, payload, messageId: index + 1 })),
      )
      return new Map(ids.map((id, index) => [id, batch[index]?.key as string]))
    }

    let connection = await listenerConnection(broker, 0)
    await replica.ready()
    for (let round = 0; round < rounds; round++) {
      const stale = replica.last?.mqtt.lateAcks ?? 0
      postgres.pause()
      send(connection)
      await waitUntil('the messages to be taken', () => (replica.last?.mqtt.inFlight ?? 0) >= MESSAGES)
      const { number } = connection
      connection.cut()
      connection = await listenerConnection(broker, number + 1)
      const keys = send(connection)
      // These wait behind the hanging commit: nothing may be acknowledged yet.
      await waitUntil('the second batch to be taken', () => (replica.last?.mqtt.received ?? 0) >= sent)
      tooEarly += connection.pubacks.length
      postgres.resume()
      await waitUntil('the second batch to be acknowledged', () => connection.pubacks.length >= MESSAGES)
      for (const id of connection.pubacks) acknowledged.add(keys.get(id) as string)
      await waitUntil(
        'the stale acknowledgements to be dropped',
        () => (replica.last?.mqtt.lateAcks ?? 0) > stale,
      )
      say(
        `  round ${round + 1} of ${rounds}: ${(replica.last?.mqtt.lateAcks ?? 0) - stale} stale acknowledgements dropped`,
      )
    }
    const result = await compare(stage.target, acknowledged, sent)
    const lateAcks = replica.last?.mqtt.lateAcks ?? 0
    await replica.kill()
    // An acknowledgement that came before its commit could have confirmed a message that was then lost.
    return {
      injected: rounds,
      observed: Math.min(rounds, Math.floor(lateAcks / MESSAGES)),
      ...result,
      lost: result.lost + tooEarly,
      details: { lateAcks, tooEarly },
    }
  },
}

/** The listener opens further connections to publish; this finds the one that subscribes, the n-th or later. */
async function listenerConnection(
  broker: Awaited<ReturnType<typeof createFakeBroker>>,
  from: number,
): Promise<FakeConnection> {
  return waitUntil('the listener to connect and subscribe', () =>
    broker.connections
      .slice(from)
      .find((each) => each.clientId === 'hub-1' && each.open && each.subscriptions.length > 0),
  )
}
