import { createDeviceHub, silentLogger } from '@devicehub/core'
import { createRawClient, describeWith, waitUntil } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { startScript } from './programs.js'
import { DEVICE, openStage, postgresStorage, SLOTS, topicOf, WeatherStation } from './stage.js'

/** Another process with a hub of its own, which sends one command. */
const startSender = (databaseUrl: string, url: string, timeout: number) =>
  startScript('sender-process.ts', [JSON.stringify({ databaseUrl, url, timeout })])

describeWith(['mosquitto', 'postgres'], 'two hubs on one PostgreSQL', ({ mosquitto, postgres }) => {
  test('one is killed between the publication and the reply: the result arrives at the other', async () => {
    const { url, port } = mosquitto()
    const database = await postgres().createDatabase()
    await using stage = await openStage({ url, storage: postgresStorage(database.url), listener: SLOTS })
    const { hub } = stage
    await using device = await createRawClient({ port })
    await device.publish(topicOf('status'), '{"status": "online"}', { qos: 1 })
    await waitUntil(
      'the device',
      async () => (await hub.devices.get(WeatherStation, DEVICE))?.status === 'online',
    )

    await using sender = startSender(database.url, url, 60)
    const [sent] = await waitUntil('the command to be sent', async () => {
      const { items } = await hub.commands.list({ state: 'sent' })
      return items.length > 0 ? items : undefined
    })
    const waiting = hub.commands.wait(sent?.id ?? '')
    expect(await sender.end('SIGKILL')).toBeNull()
    // Only now does the device answer.
    const reply = { id: sent?.id, status: 'succeeded', result: { interval: 7, previous: 1 } }
    await device.publish(topicOf('response'), JSON.stringify(reply), { qos: 1 })
    expect(await waiting).toMatchObject({
      state: 'succeeded',
      result: { interval: 7, previous: 1 },
      attempts: 1,
    })
  })

  test('one is killed while the device is silent: the other says that the time is over, once', async () => {
    const { url, port } = mosquitto()
    const database = await postgres().createDatabase()
    await using stage = await openStage({ url, storage: postgresStorage(database.url), listener: SLOTS })
    const { hub } = stage
    await using device = await createRawClient({ port })
    await device.publish(topicOf('status'), '{"status": "online"}', { qos: 1 })
    await waitUntil(
      'the device',
      async () => (await hub.devices.get(WeatherStation, DEVICE))?.status === 'online',
    )

    await using sender = startSender(database.url, url, 3)
    const [sent] = await waitUntil('the command to be sent', async () => {
      const { items } = await hub.commands.list({ state: ['sent', 'timed_out'] })
      return items.length > 0 ? items : undefined
    })
    await sender.end('SIGKILL')
    expect(await hub.commands.wait(sent?.id ?? '')).toMatchObject({ state: 'timed_out' })
    const { items } = await hub.messages.list(WeatherStation, { channel: 'cmd' })
    expect(items.filter(({ direction }) => direction === 'hub')).toHaveLength(1)
    expect(items.filter(({ direction }) => direction === 'out')).toHaveLength(1)
  })

  test('of two writers with one ifVersion exactly one wins, twenty times', async () => {
    const { url } = mosquitto()
    const database = await postgres().createDatabase()
    await using stage = await openStage({ url, storage: postgresStorage(database.url) })
    await using other = createDeviceHub({
      types: [WeatherStation],
      storage: postgresStorage(database.url),
      logger: silentLogger,
    })
    const hubs = [stage.hub, other]
    for (let version = 0; version < 20; version++) {
      const tries = await Promise.allSettled(
        hubs.map((hub, n) =>
          hub
            .twin(WeatherStation)
            .setDesired(DEVICE, { interval: 1 + version * 2 + n }, { ifVersion: version }),
        ),
      )
      expect(tries.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
      expect(tries.find(({ status }) => status === 'rejected')).toMatchObject({
        reason: { code: 'version_conflict', details: { version: version + 1 } },
      })
    }
  })
})
