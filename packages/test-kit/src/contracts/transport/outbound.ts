import { describe, expect, test } from 'vitest'
import { ELSEWHERE, startWorld, type TransportHarness, until } from './world.js'

export function outboundContract(harness: TransportHarness): void {
  describe('publish', () => {
    test.each([0, 1, 2] as const)('QoS %i: text and bytes arrive as they are', async (qos) => {
      await using world = await startWorld(harness)
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
        await using world = await startWorld(harness)
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

    test('QoS 1 is the default; a later subscriber gets a retained message', async () => {
      await using world = await startWorld(harness)
      await world.transport.publish({ topic: 'contract/kept', payload: 'kept', retain: true })
      const heard: [string, boolean][] = []
      const late = await world.connect('late', (text, _, packet) => heard.push([text, packet.retain]))
      await late.subscribe('contract/kept', 1)
      await until(() => heard.length === 1)
      expect(heard).toEqual([['kept', true]])
      world.tap.hold()
      let resolved = false
      const done = world.transport.publish({ topic: ELSEWHERE, payload: 'x' }).then(() => {
        resolved = true
      })
      for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve))
      expect(resolved).toBe(false)
      world.tap.release()
      await done
    })

    test('500 at once all arrive, once and in order', async () => {
      await using world = await startWorld(harness)
      const heard: string[] = []
      const listener = await world.connect('listener', (text) => heard.push(text))
      await listener.subscribe('contract/out', 0)
      const texts = Array.from({ length: 500 }, (_, n) => `m${n}`)
      await Promise.all(texts.map((payload) => world.transport.publish({ topic: 'contract/out', payload })))
      await until(() => heard.length >= 500)
      expect(heard).toEqual(texts)
    })
  })
}
