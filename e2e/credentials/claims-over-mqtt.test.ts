import { createBrokerAuth, listenerGrants } from '@devicehub/broker-auth'
import { createDeviceHub, type DeviceHub, defineDeviceType, memoryStorage, reading } from '@devicehub/core'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { createProvisioner, type Provisioner } from '@devicehub/provision'
import { createRawClient, describeWith, startAedes, waitUntil } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'

const Sensor = defineDeviceType('sensor', { readings: { temperature: reading.float() } })
/** A type whose devices have user names that look like the client ids of claims. */
const Claim = defineDeviceType('claim', { readings: { temperature: reading.float() } })

const LISTENER = { username: 'hub', password: 'the password of the hub itself' }
const CLIENT = 'claim_a1b2c3d4e5f6a7b8'
const OTHER = 'claim_ffffffffffffffff'
const topics = (clientId: string) => ({
  request: `things/$claim/${clientId}/request`,
  response: `things/$claim/${clientId}/response`,
})

interface Answer {
  readonly status?: number
  readonly credentials?: { readonly mqtt_username: string; readonly mqtt_password: string }
}

interface Stage {
  readonly hub: DeviceHub
  readonly provisioner: Provisioner
  readonly log: string[]
}

function createStage(): Stage {
  const log: string[] = []
  const note = (fields: object, message?: string) => log.push(JSON.stringify([fields, message]))
  const hub = createDeviceHub({
    types: [Sensor, Claim],
    storage: memoryStorage(),
    credentials: { secret: 'the secret of the tests of claims over MQTT' },
    logger: { debug: note, info: note, warn: note, error: note },
  })
  return { hub, provisioner: createProvisioner(hub), log }
}

async function connect(port: number, password: string, clientId: string) {
  const client = await createRawClient({
    port,
    protocolVersion: 4,
    acknowledge: true,
    connect: { clientId, username: 'claim', password: Buffer.from(password) },
  })
  const answers = (): Answer[] =>
    client.received.flatMap((packet) =>
      packet.cmd === 'publish' ? [JSON.parse(packet.payload.toString()) as Answer] : [],
    )
  return { client, answers }
}

/** No audit row holds what a claim was made with. */
async function expectNoTrace({ hub, log }: Stage, secrets: readonly string[]): Promise<void> {
  const rows = await Promise.all(
    [null, Sensor, Claim].map((type) => hub.storage.messages.list(type, {}, { limit: 1_000 })),
  )
  const seen = JSON.stringify(rows.map(({ items }) => items.map((it) => [it.payloadJson, it.topic]))) + log
  for (const secret of secrets) expect(seen).not.toContain(secret)
  expect(rows[0]?.items).toEqual([])
}

describe('claims over Aedes with broker-auth', () => {
  async function world() {
    const stage = createStage()
    const { hub, provisioner } = stage
    const auth = createBrokerAuth(hub, {
      public: true,
      accounts: ({ username, password, clientId }) =>
        username === LISTENER.username
          ? password === null || password === LISTENER.password
            ? { ...listenerGrants(hub), publish: ['things/#'], subscribe: ['things/#'] }
            : null
          : provisioner.claimAccounts({ username, password, clientId }),
    })
    const aedes = await startAedes(auth.aedes())
    const listener = createMqttListener(hub, {
      url: aedes.url,
      clientId: 'hub-1',
      protocolVersion: 4,
      ...LISTENER,
    })
    const serving = provisioner.serveClaims(listener)
    await listener.start()
    await serving.ready
    return {
      ...stage,
      port: aedes.port,
      async [Symbol.asyncDispose]() {
        await hub.close()
        await aedes.close()
      },
    }
  }

  test('a device obtains its credentials, and connects with them', async () => {
    await using stage = await world()
    const { provisioner, port } = stage
    const { key } = await provisioner.claims.create(Sensor, {
      name: 'batch',
      maxUses: 3,
      expiresIn: 600,
      createsDevices: true,
    })
    const proof = 'the proof that the device keeps'
    const { client, answers } = await connect(port, key, CLIENT)
    await client.subscribe(topics(CLIENT).response, 1)
    await client.publish(topics(CLIENT).request, JSON.stringify({ claim_key: key, device_id: 'S-1', proof }))
    await waitUntil('the answer', () => answers().length === 1)
    const [answer] = answers()
    expect(answer).toMatchObject({
      device_id: 'S-1',
      credentials: { mqtt_username: 'sensor-S-1', client_id: 'sensor-S-1' },
      topics: { data: 'things/sensor/S-1/data' },
    })
    const device = await createRawClient({
      port,
      protocolVersion: 4,
      acknowledge: true,
      connect: {
        clientId: 'sensor-S-1',
        username: 'sensor-S-1',
        password: Buffer.from(answer?.credentials?.mqtt_password ?? ''),
      },
    })
    await device.publish('things/sensor/S-1/data', '{"temperature":21}')
    await waitUntil('the sample', async () => (await stage.hub.readings.latest(Sensor, 'S-1')) !== null)
    await expectNoTrace(stage, [key, proof, answer?.credentials?.mqtt_password ?? '?'])
    await client.disconnect()
    await device.disconnect()
  })

  test('whatever is sent as a request gets an answer, and no audit row', async () => {
    await using stage = await world()
    const { provisioner, port } = stage
    const { key } = await provisioner.claims.create(Sensor, { name: 'batch', maxUses: 3, expiresIn: 600 })
    const { client, answers } = await connect(port, key, CLIENT)
    await client.subscribe(topics(CLIENT).response, 1)
    const bad = [
      `{"claim_key":"${key}`,
      '',
      'null',
      `[["${key}"]]`,
      JSON.stringify({ claim_key: key, device_id: { a: key }, proof: key }),
      JSON.stringify({ claim_key: key, device_id: 'S-1', proof: 'short' }),
      JSON.stringify({ claim_key: key, device_id: '\0\ud800', proof: `${key}${key}` }),
      JSON.stringify({ claim_key: key, device_id: 'unknown', proof: 'long enough for a proof' }),
      JSON.stringify({ claim_key: `${key}x`, device_id: 'S-1', proof: 'long enough for a proof' }),
      `"${key.repeat(1_000)}"`,
    ]
    for (const payload of bad) await client.publish(topics(CLIENT).request, payload)
    await waitUntil('all answers', () => answers().length === bad.length)
    expect(
      answers()
        .map(({ status }) => status)
        .sort(),
    ).toEqual([400, 400, 400, 400, 400, 400, 400, 400, 403, 403])
    await expectNoTrace(stage, [key])
    await client.disconnect()
  })

  test('the account does nothing but claim, and only with a good key and a client id of its own', async () => {
    await using stage = await world()
    const { provisioner, port } = stage
    const { key, id } = await provisioner.claims.create(Sensor, { name: 'batch', maxUses: 3, expiresIn: 600 })
    const connects = (password: string, clientId: string) =>
      connect(port, password, clientId).then(
        async ({ client }) => {
          await client.destroy()
          return client.connack.returnCode === 0
        },
        () => false,
      )
    expect(await connects(key, CLIENT)).toBe(true)
    expect(await connects('wrong', CLIENT)).toBe(false)
    // `claim-S-1` is the client id of a device of the type `claim`.
    for (const clientId of ['claim-S-1', 'claim_short', 'sensor-S-1', 'hub-1', 'claim_a1b2c3d4e5f6a7/+'])
      expect([clientId, await connects(key, clientId)]).toEqual([clientId, false])

    const { client } = await connect(port, key, CLIENT)
    const granted: string[] = []
    for (const filter of [
      topics(OTHER).response,
      topics(OTHER).request,
      topics(CLIENT).request,
      'things/$claim/+/response',
      'things/$claim/#',
      'things/#',
      '#',
      'things/sensor/S-1/cmd',
    ])
      if (Number((await client.subscribe(filter, 1)).granted[0]) < 128) granted.push(filter)
    expect(granted).toEqual([])
    await client.disconnect()
    for (const topic of [topics(OTHER).request, topics(CLIENT).response, 'things/sensor/S-1/data']) {
      const { client: publisher } = await connect(port, key, CLIENT)
      await expect(publisher.publish(topic, '{}')).rejects.toThrow()
      await publisher.destroy()
    }
    await provisioner.claims.revoke(id)
    expect(await provisioner.claimAccounts({ username: 'claim', password: key, clientId: CLIENT })).toBeNull()
  })
})

describeWith(
  {
    mosquitto: {
      users: { claim: 'known to every device', [LISTENER.username]: LISTENER.password },
      acl: [
        `user ${LISTENER.username}`,
        'topic readwrite things/#',
        'user claim',
        'pattern write things/$claim/%c/request',
        'pattern read things/$claim/%c/response',
      ],
    },
  },
  'claims over mosquitto with an ACL file',
  ({ mosquitto }) => {
    test('the answer reaches the device that asked, and nobody else', async () => {
      const stage = createStage()
      const { hub, provisioner } = stage
      const listener = createMqttListener(hub, { url: mosquitto().url, clientId: 'hub-1', ...LISTENER })
      const serving = provisioner.serveClaims(listener)
      await listener.start()
      await serving.ready
      const { key } = await provisioner.claims.create(Sensor, {
        name: 'batch',
        maxUses: 3,
        expiresIn: 600,
        createsDevices: true,
      })
      const { port } = mosquitto()
      const asking = await connect(port, 'known to every device', CLIENT)
      const listening = await connect(port, 'known to every device', OTHER)
      await asking.client.subscribe(topics(CLIENT).response, 1)
      for (const filter of [topics(CLIENT).response, topics(OTHER).response, 'things/#'])
        await listening.client.subscribe(filter, 1)
      const claim = (deviceId: string, clientId: string) =>
        JSON.stringify({ claim_key: key, device_id: deviceId, proof: `the proof of ${clientId}` })
      await asking.client.publish(topics(CLIENT).request, claim('S-1', CLIENT))
      await waitUntil('the answer', () => asking.answers().length === 1)
      await listening.client.publish(topics(OTHER).request, claim('S-2', OTHER))
      await waitUntil('the other answer', () => listening.answers().length === 1)
      expect(asking.answers()).toMatchObject([{ credentials: { mqtt_username: 'sensor-S-1' } }])
      expect(listening.answers()).toMatchObject([{ credentials: { mqtt_username: 'sensor-S-2' } }])
      await expectNoTrace(stage, [key])
      await asking.client.disconnect()
      await listening.client.disconnect()
      await hub.close()
    })
  },
)
