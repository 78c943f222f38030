import { createRawClient, type RawMqttClient } from '@devicehub/test-kit'
import { expect } from 'vitest'
import type { SinkDevice } from '../credential-sink.js'
import { sinkDevice } from './fleet.js'

export interface Login {
  readonly username: string
  readonly password: string
  readonly clientId?: string
}

export interface IsolationOptions {
  readonly port: number
  readonly protocolVersion: 4 | 5
  readonly device: SinkDevice
  readonly password: string
  /** May publish and subscribe everywhere. */
  readonly service: Login
  /** Whether the broker refuses a SUBSCRIBE, or only delivers nothing. */
  readonly refusesSubscribe: boolean
}

export const login = (
  port: number,
  protocolVersion: 4 | 5,
  { username, password, clientId }: Login,
  extra = {},
) =>
  createRawClient({
    port,
    protocolVersion,
    acknowledge: true,
    connect: {
      username,
      password: Buffer.from(password),
      ...(clientId !== undefined && { clientId }),
      ...extra,
    },
  })

export const accepted = ({ connack }: RawMqttClient) => (connack.reasonCode || connack.returnCode || 0) === 0

const other = sinkDevice('station', 'b')
const sameId = sinkDevice('pump', 'a')

const FILTERS = [
  ...[
    '#',
    '+',
    '+/#',
    'things',
    'things/#',
    'things/+',
    'things/+/+/cmd',
    'things/station/+/cmd',
    'things/station/#',
  ],
  ...[
    'things/station/a/+',
    'things/station/a/#',
    '/things/station/a/cmd',
    'things/station/a/cmd/',
    '//',
    '/#',
  ],
  ...['$share/g/#', '$share/g/things/#', '$share/g/things/station/a/cmd', '$SYS/#', '$SYS/+/+', '$CONTROL/#'],
  ...['$CONTROL/dynamic-security/v1/response', 'things/station/A/cmd', 'things/station/a/data'],
  ...[other, sameId].flatMap(({ topics }) => [...topics.subscribe, ...topics.publish]),
]

const TOPICS = [
  ...[
    'x',
    'things',
    'things/x',
    'things/station/a',
    'things/station/a/other',
    'things/station/a/data/x',
    '/',
  ],
  ...[
    'things/station/a/cmd',
    'things/station/a/desired',
    'things/station/A/data',
    '$SYS/broker/x',
    '$share/g/x',
  ],
  ...[other, sameId].flatMap(({ topics }) => [...topics.publish, ...topics.subscribe]),
]

/** Own topics work both ways; of everything else nothing arrives, with what does arrive behind it. */
export async function expectIsolated(options: IsolationOptions): Promise<void> {
  const { port, protocolVersion, device, password, service } = options
  const mine = { username: device.username, password, clientId: device.clientId }
  await using observer = await login(port, 5, service)
  expect((await observer.subscribe('#')).granted).toEqual([1])
  await using client = await login(port, protocolVersion, mine)
  expect(accepted(client)).toBe(true)

  for (const filter of FILTERS) {
    const { granted } = await client.subscribe(filter)
    if (options.refusesSubscribe)
      expect([filter, granted[0]]).toEqual([filter, protocolVersion === 5 ? 0x87 : 0x80])
  }
  for (const topic of [...TOPICS, ...device.topics.publish])
    if (!topic.startsWith('$') && !device.topics.subscribe.includes(topic))
      await observer.publish(topic, 'foreign')
  for (const topic of device.topics.subscribe) {
    expect((await client.subscribe(topic)).granted).toEqual([1])
    await observer.publish(topic, 'own')
    await client.next('publish', { where: (packet) => packet.topic === topic })
  }
  const received = client.received.filter((packet) => packet.cmd === 'publish')
  expect(new Set(received.map((packet) => packet.topic))).toEqual(new Set(device.topics.subscribe))

  const from = `from ${protocolVersion} ${Math.random()}`
  await client.disconnect()
  for (const topic of TOPICS) {
    // The broker may end the connection over one of them: each is tried on its own.
    await using trying = await login(port, protocolVersion, mine)
    await trying.publish(topic, from, { retain: true }).catch(() => {})
  }
  await using again = await login(port, protocolVersion, mine)
  for (const topic of device.topics.publish) await again.publish(topic, from)
  const last = device.topics.publish.at(-1)
  await observer.next('publish', {
    where: (packet) => packet.topic === last && String(packet.payload) === from,
  })
  const seen = observer.received.filter(
    (packet) => packet.cmd === 'publish' && String(packet.payload) === from,
  )
  expect(seen.map((packet) => (packet as { topic: string }).topic)).toEqual(device.topics.publish)
  await again.disconnect()

  for (const topic of [...other.topics.publish, 'things/station/a/cmd', device.topics.publish[1] as string]) {
    const will = { topic, payload: Buffer.from(`will ${from}`), qos: 1, retain: false }
    await using dying = await login(port, protocolVersion, mine, { will })
    await dying.destroy()
  }
  const wills = (packet: { payload: string | Buffer }) => String(packet.payload) === `will ${from}`
  await observer.next('publish', {
    where: (packet) => packet.topic === device.topics.publish[1] && wills(packet),
  })
  const willed = observer.received.filter((packet) => packet.cmd === 'publish' && wills(packet))
  expect(willed.map((packet) => (packet as { topic: string }).topic)).toEqual([device.topics.publish[1]])
}
