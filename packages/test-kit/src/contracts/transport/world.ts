import type { Ingest, Transport } from '@devicehub/core/transport'
import { doneWithin } from '@devicehub-internal/async'
import { vi } from 'vitest'
import { type HeldIngest, holdIngest } from './held-ingest.js'
import { connectRaw, type RawClient } from './raw-client.js'
import { openWireTap, type WireTap } from './wire-tap.js'

/** How `transportContract` makes the transport under test and its broker. */
export interface TransportHarness {
  /** Starts a broker on loopback that speaks MQTT 3.1.1, accepts any client and keeps sessions while it runs. */
  startBroker(): Promise<{ readonly port: number; close(): Promise<void> }>
  /**
   * Creates a transport, not started. It subscribes to `topic(...)` at QoS 2, always as the same client with a
   * persistent session; it reconnects within about a second, and its session outlives `stop()`.
   */
  createTransport(options: { readonly url: string; readonly ingest: Ingest }): Transport | Promise<Transport>
  /** A topic the transport subscribes to; a different one for each name. */
  topic(name: string): string
}

/** After so many milliseconds, a transport that does not stop is left behind, and its broker closed. */
const STOP_LIMIT = 30_000

const LONG = { timeout: 60_000, interval: 20 }

/** A topic without subscribers: publishing to it brings no message in. */
export const ELSEWHERE = 'contract/elsewhere'

export const until = (holds: () => boolean | Promise<boolean>) =>
  vi.waitFor(async () => {
    if (!(await holds())) throw new Error('the condition did not come true')
  }, LONG)

export interface World extends AsyncDisposable {
  readonly tap: WireTap
  readonly held: HeldIngest
  /** A client of the broker itself, not through the tap. */
  readonly device: RawClient
  readonly transport: Transport
  create(): Promise<Transport>
  /** Stops the transport and starts another as the same client. */
  restart(): Promise<void>
  /** Through the transport's connection to the broker and back: what it wrote before, the tap has seen. */
  roundTrip(): Promise<void>
  connect(clientId: string, onMessage?: OnMessage): Promise<RawClient>
  /** The tap's next connection, and what `connect` makes from now on, go to a new broker. */
  replaceBroker(): Promise<void>
}

type OnMessage = (text: string, payload: Buffer, packet: { retain: boolean }) => unknown

/** A broker, a tap before it, a transport through the tap, and a device beside it. */
export async function startWorld(harness: TransportHarness, { started = true } = {}): Promise<World> {
  const held = holdIngest()
  const cleanups: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  }
  const newBroker = async () => {
    const broker = await harness.startBroker()
    cleanups.push(() => broker.close())
    return broker.port
  }
  try {
    let port = await newBroker()
    const tap = await openWireTap(port)
    cleanups.push(() => tap.close())
    const connect = async (clientId: string, onMessage?: OnMessage) => {
      const client = await connectRaw({
        port,
        clientId,
        clean: true,
        onPublish(packet, receiver) {
          receiver.acknowledge(packet)
          const payload = Buffer.from(packet.payload)
          onMessage?.(payload.toString(), payload, packet)
        },
      })
      cleanups.push(() => client.end())
      return client
    }
    const create = async () =>
      harness.createTransport({ url: `mqtt://127.0.0.1:${tap.port}`, ingest: held.ingest })
    let transport = await create()
    cleanups.push(() => {
      // A failed test may have left the tap held; the transport must be able to stop.
      tap.release()
      tap.accepting = true
      held.settleAtOnce()
      return doneWithin(STOP_LIMIT, transport.stop())
    })
    if (started) await transport.start()
    return {
      tap,
      held,
      device: await connect('device'),
      get transport() {
        return transport
      },
      create,
      async restart() {
        await transport.stop()
        transport = await create()
        await transport.start()
      },
      roundTrip: () => transport.publish({ topic: 'contract/round-trip', payload: 'x', qos: 1 }),
      connect,
      async replaceBroker() {
        port = await newBroker()
        tap.retarget(port)
      },
      [Symbol.asyncDispose]: close,
    }
  } catch (error) {
    await close()
    throw error
  }
}
