import { type AedesService, startAedes, waitUntil } from '@devicehub/test-kit'
import type { AedesPublishPacket, Client } from 'aedes'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BrokerAuth, createBrokerAuth } from '../create-broker-auth.js'
import type { LoginRequest } from '../decision.js'
import { type Fleet, Sensor, startFleet } from '../testing/fleet.js'
import { ACCOUNTS, connectAs, itKeepsDevicesApart, tryPublish, watch } from '../testing/live-broker.js'
import { itDeniesTheTable, useWire } from '../testing/wire.js'

const SYSTEM = { username: 'system', password: 'the password of system' }

let fleet: Fleet
let brokerAuth: BrokerAuth
let service: AedesService
let detach: () => void

beforeAll(async () => {
  fleet = startFleet()
  brokerAuth = createBrokerAuth(fleet.hub, {
    accounts: { ...ACCOUNTS, system: { password: SYSTEM.password, publish: ['$SYS/#', '#'], subscribe: [] } },
    rules: ({ action, topic }) => action === 'subscribe' && /^things\/public\/[a-z]+$/.test(topic),
  })
  const { attachPresence, ...hooks } = brokerAuth.aedes()
  service = await startAedes(hooks)
  detach = attachPresence(service.broker)
})
afterAll(async () => {
  await service.close()
  await brokerAuth.close()
  await fleet.hub.close()
})

const published = (topic: string) =>
  ({ cmd: 'publish', topic, payload: '', qos: 1, dup: false, retain: false }) as AedesPublishPacket
const broker = () => ({ port: service.port, fleet })

describe('the hooks, asked without a broker', () => {
  const wire = useWire()
  type Done = (error: Error | null, answer?: unknown) => void
  const answerOf = (ask: (done: Done) => void) =>
    new Promise<unknown>((resolve) => ask((error, answer) => resolve(error ?? answer)))

  /** As Aedes does: nobody is asked about who has not logged in. */
  async function loggedIn({ username, password, clientId }: LoginRequest) {
    const hooks = wire().brokerAuth.aedes()
    const client = { id: clientId } as Client
    const secret = Buffer.from(password)
    const allowed = await answerOf((done) => hooks.authenticate(client, username, secret, done))
    return allowed === true ? { hooks, client } : null
  }

  itDeniesTheTable(() => wire().cast, {
    login: async (request) => (await loggedIn(request)) !== null,
    async access({ username, clientId, action, topic }) {
      const session = await loggedIn({ username, clientId, password: wire().cast.attacker.password })
      if (session === null) return false
      const { hooks, client } = session
      if (action === 'publish')
        return (
          undefined ===
          (await answerOf((done) =>
            hooks.authorizePublish(client, published(topic), (error) => done(error ?? null)),
          ))
        )
      const subscription = { topic, qos: 1 } as const
      return subscription === (await answerOf((done) => hooks.authorizeSubscribe(client, subscription, done)))
    },
  })

  it('deny who never logged in, and the will of a client that is gone', async () => {
    const hooks = wire().brokerAuth.aedes()
    const stranger = { id: wire().cast.attacker.username } as Client
    const packet = published('things/sensor/A1/data')
    for (const client of [stranger, null])
      expect(
        await answerOf((done) => hooks.authorizePublish(client, packet, (error) => done(error ?? null))),
      ).toMatchObject({ code: 'publish_failed' })
    const subscription = { topic: 'things/sensor/A1/cmd', qos: 1 } as const
    expect(await answerOf((done) => hooks.authorizeSubscribe(stranger, subscription, done))).toBeNull()
    expect(hooks.authorizeForward(stranger, published('things/sensor/A1/cmd'))).toBeNull()
  })
})

describe('Aedes with the hooks', () => {
  itKeepsDevicesApart(broker)

  it('delivers what rules of the application allow beside', async () => {
    await using device = await connectAs(broker(), await fleet.issue(Sensor, 'reader'))
    expect((await device.subscribe('things/public/news')).granted).toEqual([1])
    await using watcher = await watch(broker())
    await watcher.send('things/public/news')
    await device.next('publish', { where: ({ topic }) => topic === 'things/public/news' })
  })

  it('lets nobody publish to `$SYS`, whatever was granted', async () => {
    await using client = await connectAs(broker(), SYSTEM)
    await client.publish('things/x', '')
    expect(await tryPublish(client, '$SYS/anything')).toBe('refused')
  })

  it('takes nothing from a revoked device, on a topic that it was allowed before', async () => {
    await using watcher = await watch(broker())
    await using device = await connectAs(broker(), await fleet.issue(Sensor, 'again'))
    await device.publish('things/sensor/again/data', '{}')
    await fleet.revoke(Sensor, 'again')
    expect(await tryPublish(device, 'things/sensor/again/data')).toBe('refused')
    expect(await watcher.seen()).toEqual(['things/sensor/again/data'])
  })

  it('disconnects a revoked device that only listens, with the next message at the latest', async () => {
    const login = await fleet.issue(Sensor, 'listening')
    await using device = await connectAs(broker(), login)
    await device.subscribe('things/sensor/listening/cmd')
    await fleet.revoke(Sensor, 'listening')
    await using watcher = await watch(broker())
    await waitUntil('the end of the connection', async () => {
      await watcher.send('things/sensor/listening/cmd')
      return !device.open
    })
    const status = async () => (await fleet.hub.devices.get(Sensor, 'listening'))?.status
    await expect.poll(status, { timeout: 60_000 }).toBe('offline')
  })

  it('reports connections and disconnections to the hub', async () => {
    const status = async () => (await fleet.hub.devices.get(Sensor, 'present'))?.status
    const device = await connectAs(broker(), await fleet.issue(Sensor, 'present'))
    await expect.poll(status, { timeout: 60_000 }).toBe('online')
    await device.destroy()
    await expect.poll(status, { timeout: 60_000 }).toBe('offline')
    detach()
    await using back = await connectAs(broker(), await fleet.issue(Sensor, 'present'))
    await using watcher = await watch(broker())
    await watcher.seen()
    expect(back.open).toBe(true)
    expect(await status()).toBe('offline')
  })
})
