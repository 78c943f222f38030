import { describe, expect, test } from 'vitest'
import { ELSEWHERE, startWorld, type TransportHarness, until } from './world.js'

export function stopContract(harness: TransportHarness): void {
  const topic = harness.topic('device-1')

  describe('stop', () => {
    test('invariant 9: waits for messages in progress, acknowledges them, and then ends the connection', async () => {
      await using world = await startWorld(harness)
      const { device, held, tap } = world
      for (let n = 0; n < 5; n++) await device.publish(topic, `m${n}`)
      await until(() => held.received.length === 5)
      let stopped = false
      const stopping = world.transport.stop().then(() => {
        stopped = true
      })
      await device.publish(ELSEWHERE, 'x')
      expect(stopped).toBe(false)
      held.settle()
      await stopping
      expect(tap.acknowledged).toHaveLength(5)
      await world.restart()
      await device.publish(topic, 'marker')
      await until(() => held.received.length > 5)
      expect(held.received.slice(5).map(({ text }) => text)).toEqual(['marker'])
    })

    test('afterwards nothing is read; messages arrive after a restart', async () => {
      await using world = await startWorld(harness)
      const { device, held } = world
      await world.transport.stop()
      await device.publish(topic, 'between')
      expect(held.received).toHaveLength(0)
      await world.restart()
      await until(() => held.received.length === 1)
      expect(held.received[0]?.text).toBe('between')
    })

    test('publish afterwards is refused with `closed`', async () => {
      await using world = await startWorld(harness)
      await world.transport.stop()
      await expect(world.transport.publish({ topic: ELSEWHERE, payload: 'x' })).rejects.toMatchObject({
        name: 'DeviceHubError',
        code: 'closed',
      })
    })

    test('a publication in progress is settled', async () => {
      await using world = await startWorld(harness)
      const publications = Promise.allSettled(
        Array.from({ length: 20 }, (_, n) => world.transport.publish({ topic: ELSEWHERE, payload: `${n}` })),
      )
      await world.transport.stop()
      expect(await publications).toHaveLength(20)
    })

    test('can be called twice, and on a transport that never started', async () => {
      await using world = await startWorld(harness, { started: false })
      const never = await world.create()
      await never.stop()
      await world.transport.start()
      await Promise.all([world.transport.stop(), world.transport.stop()])
      await world.transport.stop()
    })
  })
}
