import { describe, expect, test } from 'vitest'
import { DeviceHubError, memoryStorage } from '../index.js'
import { away, contentOf, online, Station, send, until, world } from './testing/command-world.js'

describe('several processes with one database', () => {
  test('one without a transport sends through one that has one, and gets the result', async () => {
    const storage = memoryStorage()
    const web = world(storage, { attached: false })
    const worker = world(storage)
    await online(worker, 'a')
    const sent = await web.hub.commands.send(Station, 'a', 'reboot')
    await until('the publication', () => worker.published.length === 1)
    await send(worker, 'a', 'response', { id: sent.id, status: 'succeeded', result: 'ok' })
    expect(await sent.result()).toBe('ok')
    expect(await web.hub.commands.wait(sent.id)).toMatchObject({ state: 'succeeded', result: 'ok' })
  })

  test('each of many commands is published once, timed out once and expired once', async () => {
    const storage = memoryStorage()
    const hubs = [world(storage), world(storage), world(storage)]
    const [first] = hubs as [(typeof hubs)[number]]
    await first.hub.devices.create(Station, { deviceId: 'off' })
    const ids = Array.from({ length: 50 }, (_, n) => `d${n}`)
    for (const deviceId of ids) await first.hub.devices.create(Station, { deviceId })
    await Promise.all(
      ids.map((id) => first.hub.commands.send(Station, id, 'reboot', undefined, { timeout: 0.1 })),
    )
    await first.hub.commands.send(Station, 'off', 'reboot', undefined, { expiresIn: 0.05 })
    await Promise.all(ids.map((id, n) => online(hubs[n % 3] as never, id)))
    await until('the ends', async () => {
      const { items } = await first.hub.commands.list({ state: ['queued', 'sent', 'accepted'] })
      return items.length === 0
    })
    expect(hubs.flatMap(({ published }) => published)).toHaveLength(50)
    const decided = (await first.hub.messages.list(Station, { channel: 'cmd', limit: 1000 })).items
    expect(decided.filter(({ direction }) => direction === 'hub')).toHaveLength(51)
  })
})

describe('a broker that is away', () => {
  test('gets the command, in order, once it is back', async () => {
    const of = world()
    await online(of, 'a')
    of.onPublish = away
    for (const interval of [1, 2, 3]) await of.hub.commands.send(Station, 'a', 'set_interval', { interval })
    await new Promise((resolve) => setTimeout(resolve, 50))
    of.onPublish = () => {}
    await of.hub.commands.send(Station, 'a', 'set_interval', { interval: 4 })
    await until('the publications', () => of.published.length === 4)
    expect(of.published.map((one) => (contentOf(one).payload as { interval: number }).interval)).toEqual([
      1, 2, 3, 4,
    ])
  })

  test('gets the commands of a device one after the other, and those behind one that failed behind it', async () => {
    const of = world()
    await online(of, 'a')
    const begun: unknown[] = []
    let fail = () => {}
    const held = new Promise<void>((_, reject) => {
      fail = () => reject(new DeviceHubError('transport_unavailable', 'the connection broke'))
    })
    of.onPublish = (message) => {
      begun.push((contentOf(message).payload as { interval: number }).interval)
      return begun.length === 1 ? held : undefined
    }
    for (const interval of [1, 2, 3]) await of.hub.commands.send(Station, 'a', 'set_interval', { interval })
    await online(of, 'b')
    const other = await of.hub.commands.send(Station, 'b', 'set_interval', { interval: 9 })
    await until('the other device', async () => (await other.get()).state === 'sent')
    expect(begun).toEqual([1, 9])
    fail()
    await until('the publications', () => of.published.length === 4)
    expect(begun).toEqual([1, 9, 1, 2, 3])
  })

  test('that refuses it for good fails it', async () => {
    const of = world()
    await online(of, 'a')
    of.onPublish = () => {
      throw new DeviceHubError('publish_failed', 'not authorized')
    }
    const sent = await of.hub.commands.send(Station, 'a', 'reboot')
    await expect(sent.result()).rejects.toMatchObject({
      code: 'command_failed',
      details: { reason: 'it could not be published: not authorized' },
    })
  })
})
