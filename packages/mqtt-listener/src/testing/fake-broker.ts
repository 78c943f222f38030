import type { FakeBrokerOptions, FakeConnection, FakePublication } from '@devicehub/test-kit'
import { createFakeBroker, waitUntil } from '@devicehub/test-kit'
import type { Packet } from 'mqtt-packet'

/** One connection as the server sees it, in the words of these tests. */
export interface ListenerConnection extends FakeConnection {
  of(cmd: Packet['cmd']): Packet[]
  /** A QoS 1 message of a station unless told otherwise. */
  deliver(publication: Partial<FakePublication>): void
  /** Resolves when the listener has answered something sent after all before. */
  roundTrip(): Promise<void>
}

export interface ListenerBroker extends AsyncDisposable {
  readonly url: string
  readonly all: readonly FakeConnection[]
  cut(): void
  /** The n-th connection of a client id, when it is there. */
  connection(clientId: string, nth?: number): Promise<ListenerConnection>
  /** The same, when it has subscribed as well. */
  subscribed(clientId: string, nth?: number): Promise<ListenerConnection>
}

export async function startFakeBroker(options: FakeBrokerOptions = {}): Promise<ListenerBroker> {
  const broker = await createFakeBroker(options)
  const connection = async (clientId: string, nth = 1) => {
    const mine = () => broker.connections.filter((each) => each.clientId === clientId)
    return extend(await waitUntil(`connection ${nth} of ${clientId}`, () => mine()[nth - 1]))
  }
  return {
    url: broker.url,
    all: broker.connections,
    cut: broker.cut,
    connection,
    async subscribed(clientId, nth) {
      const found = await connection(clientId, nth)
      await waitUntil('the SUBSCRIBE', () => found.of('subscribe').length > 0)
      return found
    },
    [Symbol.asyncDispose]: broker.close,
  }
}

/** Never the id of a message of these tests. */
const ROUND_TRIP_ID = 60_000

function extend(connection: FakeConnection): ListenerConnection {
  const of = (cmd: Packet['cmd']) => connection.received.filter((packet) => packet.cmd === cmd)
  return Object.assign(Object.create(connection) as FakeConnection, {
    of,
    deliver(publication: Partial<FakePublication>) {
      connection.publish([{ topic: 'things/station/a/data', payload: '{}', ...publication }])
    },
    async roundTrip() {
      const before = of('pubcomp').length
      connection.send({ cmd: 'pubrel', messageId: ROUND_TRIP_ID })
      await waitUntil('an answer to PUBREL', () => of('pubcomp').length > before)
    },
  })
}
