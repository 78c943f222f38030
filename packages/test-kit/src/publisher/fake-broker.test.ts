import { expect, it } from 'vitest'
import { waitUntil } from '../services/wait-until.js'
import { createFakeBroker } from './fake-broker.js'
import { createRawClient } from './raw-client.js'
import { createRawSubscriber } from './raw-subscriber.js'

for (const protocolVersion of [4, 5] as const) {
  it(`MQTT ${protocolVersion}: answers each packet as a broker does`, async () => {
    await using broker = await createFakeBroker()
    await using client = await createRawClient({ port: broker.port, protocolVersion })
    expect((await client.subscribe('a/#', 1)).granted).toEqual([1])
    for (const qos of [0, 1, 2] as const) await client.publish('a', 'x', { qos })
    client.send({ cmd: 'pingreq' })
    await client.next('pingresp')
    client.send({ cmd: 'unsubscribe', messageId: 9, unsubscriptions: ['a/#'] })
    await client.next('unsuback')
    const [connection] = broker.connections
    expect(connection?.received.map(({ cmd }) => cmd)).toEqual(
      'subscribe publish publish publish pubrel pingreq unsubscribe'.split(' '),
    )
    expect(connection?.subscriptions).toMatchObject([{ topic: 'a/#', qos: 1 }])
    await client.disconnect()
    await connection?.closed
  })
}

it('floods beyond the window, and records the PUBACKs in the order they came', async () => {
  await using broker = await createFakeBroker()
  await using client = await createRawClient({
    port: broker.port,
    connect: { properties: { receiveMaximum: 10 } },
  })
  const connection = await broker.connection(0)
  const ids = connection.publish(
    Array.from({ length: 1000 }, (_, index) => ({ topic: 't', payload: `${index}` })),
  )
  await waitUntil('the flood', () => client.received.filter(({ cmd }) => cmd === 'publish').length === 1000)
  expect(ids).toEqual(Array.from({ length: 1000 }, (_, index) => index + 1))
  client.acknowledge(3, 1, 2)
  await waitUntil('three acknowledgements', () => connection.pubacks.length === 3)
  expect(connection.pubacks).toEqual([3, 1, 2])
})

it('keeps sessions like a broker, or lies about them as told', async () => {
  const present = async (port: number, clean: boolean) => {
    await using client = await createRawClient({ port, connect: { clientId: 'c', clean } })
    return client.connack.sessionPresent
  }
  await using honest = await createFakeBroker()
  const seen = []
  for (const clean of [false, false, true, false]) seen.push(await present(honest.port, clean))
  expect(seen).toEqual([false, true, false, false])

  await using liar = await createFakeBroker({ onConnect: () => ({ sessionPresent: true }) })
  expect(await present(liar.port, true)).toBe(true)
})

it('sends the same packet id for another message in a new session', async () => {
  await using broker = await createFakeBroker({ onConnect: () => ({ sessionPresent: false }) })
  for (const payload of ['first', 'second']) {
    await using client = await createRawSubscriber({ port: broker.port, topics: 't', acknowledge: false })
    const connection = broker.connections.at(-1)
    connection?.publish([{ topic: 't', payload, messageId: 7, dup: payload === 'second' }])
    const [packet] = await client.take(1)
    expect(packet).toMatchObject({ messageId: 7, dup: payload === 'second' })
    expect(String(packet?.payload)).toBe(payload)
  }
})

it('can refuse, stay silent, disconnect with a reason, cut and write rubbish', async () => {
  await using broker = await createFakeBroker({
    onConnect: ({ clientId }) =>
      clientId === 'silent' ? false : { reasonCode: clientId === 'no' ? 0x87 : 0 },
    onPacket: (packet) => packet.cmd === 'subscribe',
  })
  const connect = (clientId: string) => createRawClient({ port: broker.port, connect: { clientId } })
  expect((await connect('no')).connack.reasonCode).toBe(0x87)

  const silent = connect('silent')
  const outcome = expect(silent).rejects.toThrow('the connection ended')
  ;(await broker.connection(1)).cut()
  await outcome

  const client = await connect('c')
  const connection = await broker.connection(2)
  const unanswered = expect(client.subscribe('t')).rejects.toThrow('the connection ended')
  await connection.next('subscribe')
  connection.disconnect(0x8e)
  expect((await client.next('disconnect')).reasonCode).toBe(0x8e)
  await unanswered
  expect(client.open).toBe(false)
  expect(() => client.send({ cmd: 'pingreq' })).toThrow('has ended')

  const last = await connect('d')
  ;(await broker.connection(3)).write(Buffer.from('ffffffffff', 'hex'))
  await last.closed
})

it('a wait that finds nothing fails, and says what came instead', async () => {
  await using broker = await createFakeBroker()
  await using client = await createRawClient({ port: broker.port })
  client.send({ cmd: 'pingreq' })
  await waitUntil('the answer', () => client.received.length === 2)
  // Found among those that came before, and then not again.
  await client.next('pingresp')
  await expect(client.next('pingresp', { timeout: '1ms' })).rejects.toThrow('received connack,pingresp')
})
