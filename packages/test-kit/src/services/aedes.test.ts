import { expect, it } from 'vitest'
import { createRawClient } from '../publisher/raw-client.js'
import { startAedes } from './aedes.js'

it('answers MQTT 3.1.1, with the policies it is given, and ends with its connections', async () => {
  const broker = await startAedes({
    authenticate: (_client, username, _password, done) => done(null, username === 'ann'),
  })
  const connection = { port: broker.port, protocolVersion: 4 as const }
  const ann = await createRawClient({ ...connection, connect: { username: 'ann' } })
  await using bob = await createRawClient({ ...connection, connect: { username: 'bob' } })
  expect([ann.connack.returnCode, bob.connack.returnCode]).toEqual([0, 5])
  await ann.subscribe('t')
  await ann.publish('t', 'hello')
  expect(String((await ann.next('publish')).payload)).toBe('hello')

  broker.cut()
  await ann.closed
  await using again = await createRawClient({ ...connection, connect: { username: 'ann' } })
  await broker.close()
  await again.closed
  await expect(createRawClient(connection)).rejects.toThrow('ECONNREFUSED')
})

it('refuses figures that Aedes would fail with later, between messages', async () => {
  for (const given of [{ concurrency: {} }, { heartbeatInterval: 'soon' }, { id: 5 }, { queueLimit: -1 }])
    await expect(startAedes(given as never)).rejects.toMatchObject({ code: 'invalid_options' })
})
