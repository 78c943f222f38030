import type { IngestOutcome } from '@devicehub/core'
import { describe, expect, test } from 'vitest'
import { startWorld, type TransportHarness, until } from './world.js'

export function inboundContract(harness: TransportHarness): void {
  const topic = harness.topic('device-1')

  describe('messages from the broker', () => {
    test('arrive as they were sent', async () => {
      await using world = await startWorld(harness)
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
      expect(first?.receivedAt?.getTime() ?? before).toBeGreaterThanOrEqual(before - 1)
      expect(second).toMatchObject({ topic: harness.topic('dévice-2'), qos: 0 })
      expect(second?.payload.byteLength).toBe(0)
      expect(third).toMatchObject({ qos: 2 })
    })

    test('a retained message is marked as retained', async () => {
      await using world = await startWorld(harness, { started: false })
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
        await using world = await startWorld(harness)
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
      await using world = await startWorld(harness)
      await world.device.publish(topic, 'a')
      await until(() => world.held.received.length === 1)
      world.held.settle('a', outcome)
      await until(() => world.tap.acknowledged.length === 1)
    })

    test('invariant 1: `failed` was not committed: never acknowledged, and sent again after a restart', async () => {
      await using world = await startWorld(harness)
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

    test('an unsettled message delays neither the arrival nor the settling of others', async () => {
      await using world = await startWorld(harness)
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

    test('invariant 5: when the ingest is full, reading pauses until there is room, and nothing is lost', async () => {
      await using world = await startWorld(harness)
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
    test('invariant 1: unacknowledged messages are delivered again, acknowledged ones are not', async () => {
      await using world = await startWorld(harness)
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

    test('invariant 1: a late outcome acknowledges nothing on the next connection', async () => {
      await using world = await startWorld(harness)
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

    test('a publication during an outage arrives or is refused, and is never lost after it resolved', async () => {
      await using world = await startWorld(harness)
      const { held, tap, transport } = world
      held.settleAtOnce()
      tap.accepting = false
      tap.cut()
      const publish = (n: number) => transport.publish({ topic, payload: `p${n}`, qos: 1 })
      // Before the transport has noticed, and after.
      const outcomes = [Promise.allSettled([1, 2, 3].map(publish))]
      await until(() => tap.refused > 0)
      outcomes.push(Promise.allSettled([4, 5, 6].map(publish)))
      tap.accepting = true
      for (const [index, outcome] of (await Promise.all(outcomes)).flat().entries()) {
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
}
