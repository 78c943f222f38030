import { expect, test } from 'vitest'
import { createDeviceHub, defineDeviceType, reading, silentLogger } from '../index.js'

const Station = defineDeviceType('station', { readings: { level: reading.float() } })
const message = (payload: string) => ({
  topic: 'things/station/a/data',
  payload: Buffer.from(payload),
  source: 'test',
})

test('a message whose payload was not kept is not replayed, and its row is not used up', async () => {
  const hub = createDeviceHub({ types: [Station], maxPayload: 20, logger: silentLogger })
  await hub.devices.create(Station, { deviceId: 'a' })
  await hub.ingest([message(`{"level":1,"note":"${'x'.repeat(20)}"}`)])
  const [{ id } = { id: '' }] = (await hub.messages.list(Station)).items
  const ref = { id, typeKey: 'station' }
  for (let time = 0; time < 2; time++)
    await expect(hub.messages.replay(ref)).rejects.toMatchObject({
      code: 'not_replayable',
      message: expect.stringContaining('not kept'),
    })
  expect(await hub.messages.get(ref)).toMatchObject({ status: 'rejected', code: 'payload_too_large' })
  expect((await hub.messages.list(Station)).items).toHaveLength(1)
  await hub.close()
})

test('what a handler without a name failed for stays as it is', async () => {
  const hub = createDeviceHub({ types: [Station], logger: silentLogger })
  await hub.quarantine(message('x'), { code: 'handler_failed', reason: 'no' })
  const [{ id } = { id: '' }] = (await hub.messages.list(null)).items
  const ref = { id, typeKey: null }
  await expect(hub.messages.replay(ref)).rejects.toMatchObject({ code: 'not_replayable' })
  expect(await hub.messages.get(ref)).toMatchObject({ status: 'quarantined', flags: null })
  await hub.close()
})

test('a topic handler is attached whole, under a name that fits a flag', async () => {
  const hub = createDeviceHub({ types: [Station], logger: silentLogger })
  const good = {
    source: 'test',
    name: 'a',
    filter: 'in/#',
    run: async () => ({ status: 'duplicate' }),
  }
  for (const bad of [null, 5, {}, { ...good, name: 'a b' }, { ...good, run: 1 }, { ...good, topic: 'x' }])
    expect(() => hub.attachHandler(bad as never)).toThrow(
      expect.objectContaining({ code: 'invalid_options' }),
    )
  const refusal = { code: 'handler_failed', reason: 'no' } as const
  await expect(hub.quarantine(message('x'), refusal, 'a b')).rejects.toMatchObject({
    code: 'invalid_options',
  })
  await hub.quarantine(message('x'), refusal, 'a')
  const [{ id } = { id: '' }] = (await hub.messages.list(null)).items
  const detach = hub.attachHandler(good as never)
  expect(await hub.messages.replay({ id, typeKey: null })).toMatchObject({ status: 'stored' })
  detach()
  await hub.close()
})
