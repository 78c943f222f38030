import { randomUUID } from 'node:crypto'
import { createRawClient, type RawMqttClient, type RawMqttClientOptions } from '@devicehub/test-kit'
import { expect, it } from 'vitest'
import type { StaticAccount } from '../options.js'
import { type Fleet, type Login, Pump, Sensor } from './fleet.js'

export const WATCHER = { username: 'watcher', password: 'the password of the watcher' }

/** The account that sees whatever the broker delivers to anybody. */
export const ACCOUNTS: Readonly<Record<string, StaticAccount>> = {
  [WATCHER.username]: {
    password: WATCHER.password,
    publish: ['things/#'],
    subscribe: ['#'],
    shared: true,
  },
}

/** A broker that runs and asks; what is written of it here holds for each of them. */
export interface LiveBroker {
  readonly port: number
  readonly fleet: Fleet
}

type Connect = NonNullable<RawMqttClientOptions['connect']>

export const connectAs = ({ port }: LiveBroker, { username, password }: Login, more: Connect = {}) =>
  createRawClient({
    port,
    protocolVersion: 4,
    acknowledge: true,
    connect: { clientId: username, username, password: Buffer.from(password), ...more },
  })

/** Refused: failure in the SUBACK [MQTT-3.9.3-2], or the end of the connection. */
export async function trySubscribe(client: RawMqttClient, filter: string): Promise<'granted' | 'refused'> {
  const suback = await client.subscribe(filter).catch(() => null)
  return suback?.granted[0] === 0 || suback?.granted[0] === 1 ? 'granted' : 'refused'
}

/** The only refusal that MQTT 3.1.1 knows is the end of the connection. */
export const tryPublish = (client: RawMqttClient, topic: string): Promise<'taken' | 'refused'> =>
  client.publish(topic, 'foreign').then(
    () => 'taken',
    () => 'refused',
  )

interface Watcher extends AsyncDisposable {
  /** The topics of what was delivered so far, behind a message of its own: what came before it was delivered before. */
  seen(): Promise<readonly string[]>
  send(topic: string, payload?: string): Promise<void>
}

export async function watch(broker: LiveBroker): Promise<Watcher> {
  const client = await connectAs(broker, WATCHER, { clientId: `watcher-${randomUUID()}` })
  expect(await trySubscribe(client, '#')).toBe('granted')
  return {
    async seen() {
      const control = `things/control/${randomUUID()}`
      await client.publish(control, '')
      await client.next('publish', { where: ({ topic }) => topic === control })
      return topicsOf(client).filter((topic) => !topic.startsWith('things/control/'))
    },
    send: (topic, payload = '') => client.publish(topic, payload),
    [Symbol.asyncDispose]: () => client.destroy(),
  }
}

const topicsOf = (client: RawMqttClient): readonly string[] =>
  client.received.flatMap((packet) => (packet.cmd === 'publish' ? [packet.topic] : []))

/** What a device must not read, as filters that MQTT 3.1.1 can carry. */
const FOREIGN_FILTERS = [
  '#',
  '+/#',
  'things/#',
  'things/+/+/cmd',
  'things/sensor/+/cmd',
  'things/sensor/#',
  'things/sensor/a/#',
  'things/sensor/a/+',
  'things/sensor/a/cmd/#',
  'things/sensor/b/cmd',
  'things/pump/a/cmd',
  'things/+/a/cmd',
  'things/sensor/a/data',
  '$share/g/#',
  '$share/g/things/sensor/a/cmd',
  '$share//x',
  '$queue/#',
  '$SYS/#',
  '$CONTROL/#',
  'things//sensor/a/cmd',
  '/things/sensor/a/cmd',
  'things/sensor/a/cmd/',
  'things/sensor/*/cmd',
  'things/*/*/cmd',
  'things/sensor/а/cmd',
  'things.sensor.b.cmd',
  'things/#/cmd',
  `things/sensor/a/cmd/${'x'.repeat(60_000)}`,
] as const

/** What it must not write. */
const FOREIGN_TOPICS = [
  'things/sensor/b/data',
  'things/pump/a/data',
  'things/sensor/a/cmd',
  'things/sensor/a/desired',
  'things/sensor/a/data/more',
  'things/sensor/a/data/',
  'things/sensor/a',
  '/things/sensor/a/data',
  'things/sensor//data',
  'things/sensor/*/data',
  'things.sensor.b.data',
  'things/sensor/а/data',
  '$SYS/broker/a',
  '$share/g/things/sensor/a/data',
  `things/sensor/a/data/${'x'.repeat(60_000)}`,
] as const

/** Invariant 10 on a running broker of MQTT 3.1.1. */
export function itKeepsDevicesApart(broker: () => LiveBroker): void {
  const issue = (...args: Parameters<Fleet['issue']>) => broker().fleet.issue(...args)

  it('lets a device have its own topics', async () => {
    await using watcher = await watch(broker())
    await using device = await connectAs(broker(), await issue(Sensor, 'own'))
    for (const channel of ['cmd', 'desired'])
      expect(await trySubscribe(device, `things/sensor/own/${channel}`)).toBe('granted')
    const sent = ['data', 'status', 'response', 'state'].map((channel) => `things/sensor/own/${channel}`)
    for (const topic of sent) await device.publish(topic, '{}')
    expect(await watcher.seen()).toEqual(sent)

    for (const channel of ['cmd', 'desired']) await watcher.send(`things/sensor/own/${channel}`)
    await device.next('publish', { where: ({ topic }) => topic === 'things/sensor/own/desired' })
    expect(topicsOf(device)).toEqual(['things/sensor/own/cmd', 'things/sensor/own/desired'])
  })

  it.each(FOREIGN_FILTERS.map((filter) => [filter.slice(0, 40), filter]))(
    'refuses the filter %s',
    async (_shown, filter) => {
      await using device = await connectAs(broker(), await issue(Sensor, 'a'))
      expect(await trySubscribe(device, filter)).toBe('refused')
    },
  )

  it.each(FOREIGN_TOPICS.map((topic) => [topic.slice(0, 40), topic]))(
    'delivers nothing that is published to %s',
    async (_shown, topic) => {
      await using watcher = await watch(broker())
      await using device = await connectAs(broker(), await issue(Sensor, 'a'))
      expect(await tryPublish(device, topic)).toBe('refused')
      expect(await watcher.seen()).toEqual([])
    },
  )

  it('keeps from a persistent session what it was denied beside what it was granted', async () => {
    const login = await issue(Sensor, 'kept')
    const own = 'things/sensor/kept/cmd'
    const device = await connectAs(broker(), login, { clean: false })
    const subscriptions = [own, 'things/+/+/data', 'things/sensor/b/cmd'].map((topic) => ({
      topic,
      qos: 1 as const,
    }))
    device.send({ cmd: 'subscribe', messageId: 1, subscriptions })
    await Promise.race([device.next('suback'), device.closed])
    await device.destroy()

    await using watcher = await watch(broker())
    for (const topic of ['things/sensor/b/data', 'things/sensor/b/cmd', own]) await watcher.send(topic)
    await using back = await connectAs(broker(), login, { clean: false })
    expect(await trySubscribe(back, own)).toBe('granted')
    for (const topic of ['things/sensor/b/data', 'things/sensor/b/cmd']) await watcher.send(topic)
    await watcher.send(own, 'the last')
    await back.next('publish', { where: ({ payload }) => String(payload) === 'the last' })
    expect(new Set(topicsOf(back))).toEqual(new Set([own]))
  })

  it('refuses a shared subscription, which the broker does not know and would never serve', async () => {
    await using client = await connectAs(broker(), WATCHER)
    expect(await trySubscribe(client, '$share/g/things/#')).toBe('refused')
  })

  it('refuses a wrong, an empty and a foreign password, and whom it does not know', async () => {
    const login = await issue(Sensor, 'c')
    const other = await issue(Pump, 'c')
    const bad: Login[] = [
      { ...login, password: 'wrong' },
      { ...login, password: '' },
      { ...login, password: other.password },
      { username: 'sensor-nobody', password: login.password },
      { username: '', password: login.password },
    ]
    for (const each of bad) {
      await using client = await connectAs(broker(), each, { clientId: login.username })
      expect(client.connack.returnCode).not.toBe(0)
    }
    await using nobody = await createRawClient({ port: broker().port, protocolVersion: 4 })
    expect(nobody.connack.returnCode).not.toBe(0)
    await using client = await connectAs(broker(), login)
    expect(client.connack.returnCode).toBe(0)
  })

  it('refuses the client id of another device, whose session goes on', async () => {
    await using victim = await connectAs(broker(), await issue(Sensor, 'victim'))
    const attacker = await issue(Sensor, 'attacker')
    await using taking = await connectAs(broker(), attacker, { clientId: victim.clientId })
    expect(taking.connack.returnCode).not.toBe(0)
    await using watcher = await watch(broker())
    await victim.publish('things/sensor/victim/data', '{}')
    expect(await watcher.seen()).toEqual(['things/sensor/victim/data'])
  })

  it('refuses a device that is deactivated, and one whose credentials were revoked, on reconnect', async () => {
    const { fleet } = broker()
    const [inactive, revoked] = [await issue(Sensor, 'inactive'), await issue(Sensor, 'revoked')]
    for (const login of [inactive, revoked]) {
      await using client = await connectAs(broker(), login)
      expect(client.connack.returnCode).toBe(0)
    }
    await fleet.hub.devices.update(Sensor, 'inactive', { isActive: false })
    await fleet.revoke(Sensor, 'revoked')
    for (const login of [inactive, revoked]) {
      await using client = await connectAs(broker(), login)
      expect(client.connack.returnCode).not.toBe(0)
    }
  })

  it('asks about each topic anew, and takes it no longer from a revoked device that is connected', async () => {
    const { fleet } = broker()
    await using watcher = await watch(broker())
    await using device = await connectAs(broker(), await issue(Sensor, 'leaving'))
    await device.publish('things/sensor/leaving/data', '{}')
    await fleet.revoke(Sensor, 'leaving')
    expect(await tryPublish(device, 'things/sensor/leaving/status')).toBe('refused')
    expect(await watcher.seen()).toEqual(['things/sensor/leaving/data'])
  })

  it('delivers the will of a device to its own topics and not to those of others', async () => {
    await using watcher = await watch(broker())
    const login = await issue(Sensor, 'mortal')
    const foreign = {
      topic: 'things/sensor/b/status',
      payload: Buffer.from('gone'),
      qos: 1,
      retain: false,
    } as const
    await (await connectAs(broker(), login, { will: foreign })).destroy()

    // The next session of the client id begins when the one before it has ended.
    const own = { ...foreign, topic: 'things/sensor/mortal/status' }
    await (await connectAs(broker(), login, { will: own })).destroy()
    await using device = await connectAs(broker(), login)
    await device.publish('things/sensor/mortal/data', '{}')
    await expect
      .poll(() => watcher.seen(), { timeout: 60_000 })
      .toEqual(expect.arrayContaining(['things/sensor/mortal/status', 'things/sensor/mortal/data']))
    expect(await watcher.seen()).not.toContain('things/sensor/b/status')
  })
}
