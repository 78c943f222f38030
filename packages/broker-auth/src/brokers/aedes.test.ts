import { type AedesService, startAedes, waitUntil } from '@devicehub/test-kit'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BrokerAuth, createBrokerAuth } from '../create-broker-auth.js'
import { type Fleet, Sensor, startFleet } from '../testing/fleet.js'
import { ACCOUNTS, connectAs, itKeepsDevicesApart, tryPublish, watch } from '../testing/live-broker.js'

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
  await service.stop()
  await brokerAuth.close()
  await fleet.hub.close()
})

const broker = () => ({ port: service.port, fleet })

describe('Aedes with the hooks', () => {
  itKeepsDevicesApart(broker)

  it('delivers what rules of the application allow beside', async () => {
    await using device = await connectAs(broker(), await fleet.issue(Sensor, 'reader'))
    expect((await device.subscribe('things/public/news')).granted).toEqual([1])
    await using watcher = await watch(broker())
    await watcher.send('things/public/news')
    await device.next('publish', { where: ({ topic }) => topic === 'things/public/news' })
  })

  it('lets nobody write what Aedes says of itself, whatever was granted', async () => {
    await using client = await connectAs(broker(), SYSTEM)
    await client.publish('things/x', '')
    expect(await tryPublish(client, '$SYS/anything')).toBe('refused')
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
  })

  it('tells the hub of devices that come and go', async () => {
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
