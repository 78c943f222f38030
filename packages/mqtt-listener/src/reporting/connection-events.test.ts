import { createRawClient, describeWith, waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { createHeldHub } from '../testing/held-hub.js'

describeWith(['mosquitto'], 'what a listener tells of its connections', ({ mosquitto }) => {
  let count = 0

  async function world(throwing = false) {
    const { url, port } = mosquitto()
    const hub = createHeldHub()
    const clientId = `told-${++count}`
    const told: unknown[] = []
    const tell = (name: string) => (event: object) => {
      told.push({ name, ...event })
      if (throwing) throw new Error(`${name} is broken`)
    }
    const listener = createMqttListener(hub, {
      url,
      clientId,
      sharedGroup: false,
      reconnect: { min: '10ms', max: '50ms' },
      onConnect: tell('connect'),
      onDisconnect: tell('disconnect'),
    })
    const interrupt = async () => {
      const before = told.length
      const other = await createRawClient({ port, connect: { clientId } })
      await waitUntil('the end of the connection', () => told.length > before)
      await other.disconnect()
    }
    return { hub, listener, told, clientId, url, interrupt }
  }

  test('each that is ready and its end, with the reason', async () => {
    const { listener, told, clientId, url, interrupt } = await world()
    const where = { broker: 'default', url, clientId }
    listener.handle('any/topic', () => {})
    await listener.start()
    expect(told).toEqual([{ name: 'connect', ...where, sessionPresent: false }])
    await interrupt()
    await waitUntil('the next connection', () => told.length >= 3)
    expect(told[1]).toEqual({
      name: 'disconnect',
      ...where,
      reason: expect.stringMatching(/broker|another client/),
      stopped: false,
    })
    expect(told[2]).toMatchObject({ name: 'connect' })
    await listener.stop({ endSession: true })
    expect(told.slice(3)).toEqual([
      { name: 'disconnect', ...where, reason: 'the listener has stopped', stopped: true },
    ])
  })

  test('a handler that throws harms nothing; its error is logged', async () => {
    const { hub, listener, told, interrupt } = await world(true)
    await listener.start()
    await interrupt()
    await waitUntil('the next connection', () => told.length >= 3)
    await listener.stop({ endSession: true })
    const lines = hub.log.filter(({ level }) => level === 'error').map(({ message }) => message)
    for (const name of ['onConnect', 'onDisconnect'])
      expect(lines.filter((line) => line?.includes(`default.${name} threw`))).toHaveLength(2)
  })

  test('failed attempts are not reported', async () => {
    const told: unknown[] = []
    const listener = createMqttListener(createHeldHub(), {
      url: 'mqtt://127.0.0.1:1',
      connectTimeout: '200ms',
      reconnect: { min: '10ms' },
      onConnect: (event) => told.push(event),
      onDisconnect: (event) => told.push(event),
    })
    await expect(listener.start()).rejects.toMatchObject({ code: 'transport_unavailable' })
    expect(told).toEqual([])
  })
})
