import type { Ingest, IngestOutcome, Transport } from '@devicehub/core'
import { describe, expect, test, vi } from 'vitest'
import { type HeldIngest, holdIngest } from './transport/held-ingest.js'
import { connectRaw, type RawClient } from './transport/raw-client.js'
import { openWireTap, type WireTap } from './transport/wire-tap.js'

export { type HeldIngest, type HeldMessage, holdIngest } from './transport/held-ingest.js'
export { connectRaw, type RawClient, type RawClientOptions } from './transport/raw-client.js'
export { openWireTap, type WireTap } from './transport/wire-tap.js'

export interface TransportHarness {
  /** A broker on loopback that speaks MQTT 3.1.1 to anybody and keeps sessions while it runs. */
  startBroker(): Promise<{ readonly port: number; stop(): Promise<void> }>
  /**
   * A transport, not started: it listens to `topic(...)` at QoS 2, always as the same client with a session that is
   * kept, reconnects within a second or so, and leaves its session behind when it stops.
   */
  createTransport(options: { readonly url: string; readonly ingest: Ingest }): Transport | Promise<Transport>
  /** A topic that the transport listens to, another for each name. */
  topic(name: string): string
}

/** Milliseconds after which a transport that does not stop is left to lose its broker. */
const STOP_LIMIT = 30_000

const LONG = { timeout: 60_000, interval: 20 }

/** What every implementation of the transport port over MQTT does. */
export function transportContract(name: string, harness: TransportHarness): void {
  const topic = harness.topic('device-1')
  /** Nobody listens here: a way through the broker and back that brings nothing in. */
  const elsewhere = 'contract/elsewhere'

  describe(`transport contract: ${name}`, () => {
    describe('messages from the broker', () => {
      test('arrive as they were sent', async () => {
        await using world = await start(harness)
        const { device, held } = world
        const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
        const before = Date.now()
        await device.publish(topic, bytes, { qos: 1 })
        await device.publish(harness.topic('dévice-2'), '', { qos: 0 })
        await device.publish(topic, 'two', { qos: 2 })
        await until(() => held.received.length === 3)
        const [first, second, third] = held.received.map(({ message }) => message)
        expect(first).toMatchObject({ topic, qos: 1, redelivered: false, retained: false })
        expect(Buffer.compare(first?.payload ?? Buffer.alloc(0), bytes)).toBe(0)
        expect(first?.source).toMatch(/./)
        expect(first?.receivedAt ?? before).toBeGreaterThanOrEqual(before - 1)
        expect(second).toMatchObject({ topic: harness.topic('dévice-2'), qos: 0 })
        expect(second?.payload.byteLength).toBe(0)
        expect(third).toMatchObject({ qos: 2 })
      })

      test('a retained message is marked as retained', async () => {
        await using world = await start(harness, { started: false })
        await world.device.publish(topic, 'kept', { retain: true })
        await world.transport.start()
        await until(() => world.held.received.length === 1)
        expect(world.held.received[0]?.message).toMatchObject({ retained: true })
        world.held.settle()
        await world.device.publish(topic, '', { retain: true })
      })

      test.each([1, 2] as const)(
        'invariant 1: QoS %i is acknowledged when it is settled, and not before',
        async (qos) => {
          await using world = await start(harness)
          const { device, held, tap } = world
          await device.publish(topic, 'a', { qos })
          await until(() => held.received.length === 1)
          await world.roundTrip()
          expect(tap.acknowledged).toEqual([])
          held.settle('a')
          await until(() => tap.acknowledged.length === 1)
          await world.roundTrip()
          expect(tap.acknowledged).toHaveLength(1)
        },
      )

      test.each<IngestOutcome>([
        { status: 'stored', samples: 1, duplicates: 0 },
        { status: 'duplicate' },
        { status: 'rejected', code: 'invalid_json', reason: 'why' },
        { status: 'quarantined', code: 'unknown_device', reason: 'why' },
      ])('invariant 1: $status is committed, and acknowledged', async (outcome) => {
        await using world = await start(harness)
        await world.device.publish(topic, 'a')
        await until(() => world.held.received.length === 1)
        world.held.settle('a', outcome)
        await until(() => world.tap.acknowledged.length === 1)
      })

      test('invariant 1: `failed` was not committed: never acknowledged, and sent again after a restart', async () => {
        await using world = await start(harness)
        const { device, held, tap } = world
        await device.publish(topic, 'lost')
        await until(() => held.received.length === 1)
        held.settle('lost', { status: 'failed', error: new Error('the database is away') })
        await world.roundTrip()
        await world.transport.stop()
        expect(tap.acknowledged).toEqual([])
        await world.restart()
        await until(() => held.received.length === 2)
        expect(held.received[1]).toMatchObject({ text: 'lost', message: { redelivered: true } })
        held.settle()
        await until(() => tap.acknowledged.length === 1)
      })

      test('one that is not settled holds up neither the arrival nor the settling of the others', async () => {
        await using world = await start(harness)
        const { device, held, tap } = world
        for (let n = 0; n < 10; n++) await device.publish(topic, `m${n}`)
        await until(() => held.received.length === 10)
        expect(held.received.map(({ text }) => text)).toEqual(Array.from({ length: 10 }, (_, n) => `m${n}`))
        for (const n of [7, 3, 9, 0, 1, 8, 2, 6, 5]) held.settle(`m${n}`)
        await world.roundTrip()
        expect(tap.acknowledged.length).toBeLessThan(10)
        held.settle('m4')
        await until(() => tap.acknowledged.length === 10)
        expect(new Set(tap.acknowledged).size).toBe(10)
      })

      test('invariant 5: when the ingest is full nothing more is read until there is room, and nothing is lost', async () => {
        await using world = await start(harness)
        const { device, held } = world
        const heard: string[] = []
        const witness = await world.connect('witness', (text) => heard.push(text))
        await witness.subscribe(topic, 0)
        held.capacity = 3
        for (let n = 0; n < 15; n++) await device.publish(topic, `m${n}`)
        await until(() => heard.length === 15 && held.received.length >= 3)
        for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
        expect(held.received).toHaveLength(3)
        held.capacity = Number.POSITIVE_INFINITY
        held.settleAtOnce()
        await until(() => held.received.length >= 15)
        expect(held.received.map(({ text }) => text)).toEqual(Array.from({ length: 15 }, (_, n) => `m${n}`))
        await until(() => world.tap.acknowledged.length === 15)
      })
    })

    describe('when a connection is lost', () => {
      test('invariant 1: what was not acknowledged comes again, what was does not', async () => {
        await using world = await start(harness)
        const { device, held, tap } = world
        for (const text of ['a', 'b', 'c']) await device.publish(topic, text)
        await until(() => held.received.length === 3)
        held.settle('a')
        await until(() => tap.acknowledged.length === 1)
        await world.roundTrip()
        tap.cut()
        await until(() => held.received.length >= 5)
        await device.publish(topic, 'marker')
        await until(() => held.received.at(-1)?.text === 'marker')
        const again = held.received.slice(3)
        expect(again.map(({ text }) => text)).toEqual(['b', 'c', 'marker'])
        expect(again.map(({ message }) => message.redelivered)).toEqual([true, true, false])
        held.settle()
        await until(() => tap.acknowledged.length === 4)
      })

      test('invariant 1: what is settled late acknowledges nothing else on the next connection', async () => {
        await using world = await start(harness)
        const { device, held, tap } = world
        await device.publish(topic, 'old')
        await until(() => held.received.length === 1)
        // A broker that knows nothing of the session gives the same packet id to another message.
        await world.replaceBroker()
        const connections = tap.connections
        tap.cut()
        await until(() => tap.connections > connections)
        const sender = await world.connect('sender')
        await until(async () => {
          if (held.received.length < 2) await sender.publish(topic, 'new')
          return held.received.length > 1
        })
        expect(held.received[1]?.text).toBe('new')
        held.settle('old')
        await world.roundTrip()
        expect(tap.acknowledged).toEqual([])
        held.settle()
        await until(() => tap.acknowledged.length > 0)
      })

      test('a publication in an outage arrives, or is refused: never resolved and lost', async () => {
        await using world = await start(harness)
        const { held, tap, transport } = world
        held.settleAtOnce()
        tap.accepting = false
        tap.cut()
        const outcomes = Promise.allSettled(
          [1, 2, 3].map((n) => transport.publish({ topic, payload: `p${n}`, qos: 1 })),
        )
        tap.accepting = true
        for (const [index, outcome] of (await outcomes).entries()) {
          if (outcome.status === 'fulfilled')
            await until(() => held.received.some(({ text }) => text === `p${index + 1}`))
          else
            expect(outcome.reason).toMatchObject({
              name: 'DeviceHubError',
              code: expect.stringMatching(/^(transport_unavailable|publish_failed)$/),
            })
        }
        await until(async () => {
          await transport.publish({ topic, payload: 'after' }).catch(() => {})
          return held.received.some(({ text }) => text === 'after')
        })
      })
    })

    describe('publish', () => {
      test.each([0, 1, 2] as const)('QoS %i: text and bytes arrive as they are', async (qos) => {
        await using world = await start(harness)
        const heard: string[] = []
        const listener = await world.connect('listener', (_, payload) => heard.push(payload.toString('hex')))
        await listener.subscribe('contract/out', 1)
        const bytes = Uint8Array.from({ length: 256 }, (_, index) => index)
        await world.transport.publish({ topic: 'contract/out', payload: 'tëxt 🌡️', qos })
        await world.transport.publish({ topic: 'contract/out', payload: bytes, qos })
        await world.transport.publish({ topic: 'contract/out', payload: '', qos })
        await until(() => heard.length === 3)
        expect(heard).toEqual([Buffer.from('tëxt 🌡️').toString('hex'), Buffer.from(bytes).toString('hex'), ''])
      })

      test.each([1, 2] as const)(
        'QoS %i resolves when the broker took it over, and not before',
        async (qos) => {
          await using world = await start(harness)
          const { tap, transport } = world
          const heard: string[] = []
          const listener = await world.connect('listener', (text) => heard.push(text))
          await listener.subscribe('contract/out', 1)
          tap.hold()
          let resolved = false
          const done = transport.publish({ topic: 'contract/out', payload: 'x', qos }).then(() => {
            resolved = true
          })
          // QoS 2: the broker hands on at PUBLISH or at PUBREL, and PUBREL needs its answer.
          if (qos === 1) await until(() => heard.length === 1)
          for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
          expect(resolved).toBe(false)
          tap.release()
          await done
          await until(() => heard.length === 1)
        },
      )

      test('QoS 1 is the default; a retained one is there for who comes later', async () => {
        await using world = await start(harness)
        await world.transport.publish({ topic: 'contract/kept', payload: 'kept', retain: true })
        const heard: [string, boolean][] = []
        const late = await world.connect('late', (text, _, packet) => heard.push([text, packet.retain]))
        await late.subscribe('contract/kept', 1)
        await until(() => heard.length === 1)
        expect(heard).toEqual([['kept', true]])
        world.tap.hold()
        let resolved = false
        const done = world.transport.publish({ topic: elsewhere, payload: 'x' }).then(() => {
          resolved = true
        })
        for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
        expect(resolved).toBe(false)
        world.tap.release()
        await done
      })

      test('500 at once all arrive, once and in order', async () => {
        await using world = await start(harness)
        const heard: string[] = []
        const listener = await world.connect('listener', (text) => heard.push(text))
        await listener.subscribe('contract/out', 0)
        const texts = Array.from({ length: 500 }, (_, n) => `m${n}`)
        await Promise.all(texts.map((payload) => world.transport.publish({ topic: 'contract/out', payload })))
        await until(() => heard.length >= 500)
        expect(heard).toEqual(texts)
      })
    })

    describe('stop', () => {
      test('invariant 9: waits for what is in work, acknowledges it, and then ends the connection', async () => {
        await using world = await start(harness)
        const { device, held, tap } = world
        for (let n = 0; n < 5; n++) await device.publish(topic, `m${n}`)
        await until(() => held.received.length === 5)
        let stopped = false
        const stopping = world.transport.stop().then(() => {
          stopped = true
        })
        await device.publish(elsewhere, 'x')
        expect(stopped).toBe(false)
        held.settle()
        await stopping
        expect(tap.acknowledged).toHaveLength(5)
        await world.restart()
        await device.publish(topic, 'marker')
        await until(() => held.received.length > 5)
        expect(held.received.slice(5).map(({ text }) => text)).toEqual(['marker'])
      })

      test('after it nothing is read; what comes in between is there after a restart', async () => {
        await using world = await start(harness)
        const { device, held } = world
        await world.transport.stop()
        await device.publish(topic, 'between')
        expect(held.received).toHaveLength(0)
        await world.restart()
        await until(() => held.received.length === 1)
        expect(held.received[0]?.text).toBe('between')
      })

      test('publish after it is refused with `closed`', async () => {
        await using world = await start(harness)
        await world.transport.stop()
        await expect(world.transport.publish({ topic: elsewhere, payload: 'x' })).rejects.toMatchObject({
          name: 'DeviceHubError',
          code: 'closed',
        })
      })

      test('a publication that is under way when it is called is settled', async () => {
        await using world = await start(harness)
        const publications = Promise.allSettled(
          Array.from({ length: 20 }, (_, n) =>
            world.transport.publish({ topic: elsewhere, payload: `${n}` }),
          ),
        )
        await world.transport.stop()
        expect(await publications).toHaveLength(20)
      })

      test('twice is fine, and so is one that never started', async () => {
        await using world = await start(harness, { started: false })
        const never = await world.create()
        await never.stop()
        await world.transport.start()
        await Promise.all([world.transport.stop(), world.transport.stop()])
        await world.transport.stop()
      })
    })
  })
}

const until = (holds: () => boolean | Promise<boolean>) =>
  vi.waitFor(async () => {
    if (!(await holds())) throw new Error('the condition did not come true')
  }, LONG)

async function within(limit: number, work: Promise<void>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const expired = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, limit)
  })
  await Promise.race([work, expired]).finally(() => clearTimeout(timer))
}

interface World extends AsyncDisposable {
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

async function start(harness: TransportHarness, { started = true } = {}): Promise<World> {
  const held = holdIngest()
  const cleanups: (() => Promise<unknown>)[] = []
  const close = async () => {
    for (const cleanup of cleanups.splice(0).reverse()) await cleanup()
  }
  const newBroker = async () => {
    const broker = await harness.startBroker()
    cleanups.push(() => broker.stop())
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
      // Whatever a failed test left behind must not keep it from stopping.
      tap.release()
      tap.accepting = true
      held.settleAtOnce()
      return within(STOP_LIMIT, transport.stop())
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
