import {
  createDeviceHub,
  type DeviceHub,
  defineDeviceType,
  isDeviceHubError,
  reading,
  silentLogger,
} from '@devicehub/core'
import { createMqttListener, type MqttListenerOptions } from '@devicehub/mqtt-listener'
import { createProvisioner, mosquittoFiles } from '@devicehub/provision'
import {
  createRawClient,
  describeWith,
  type MosquittoService,
  type RawMqttClient,
  waitUntil,
} from '@devicehub/test-kit'
import { beforeAll, describe, expect, test } from 'vitest'

const Meter = defineDeviceType('meter', { readings: { level: reading.float() } })

const SENT = 100
const GROUP = 'ingest'
const hubUser = { username: 'hub', password: 'the password of the hub' }

const createHub = () =>
  createDeviceHub({
    types: [Meter],
    logger: silentLogger,
    credentials: { secret: 'a secret of at least thirty-two characters' },
  })

const open = (port: number, username: string, password: string, clientId = username) =>
  createRawClient({ port, connect: { username, password: Buffer.from(password), clientId } })

const MOSQUITTO = { users: { hub: hubUser.password }, acl: ['user hub', 'topic readwrite #'] }

describeWith({ mosquitto: MOSQUITTO }, 'invariant 10: theft through a group', ({ mosquitto }) => {
  const filesOf = ({ passwordFile, aclFile, pid }: MosquittoService) =>
    mosquittoFiles({
      passwordFile: passwordFile as string,
      aclFile: aclFile as string,
      reload: { pid: pid as number },
    })
  const passwords = new Map<string, string>()
  const login = (deviceId: string) => [`meter-${deviceId}`, passwords.get(deviceId) as string] as const

  beforeAll(async () => {
    await using hub = createHub()
    await using provisioner = createProvisioner(hub, { sinks: [filesOf(mosquitto())] })
    for (const deviceId of ['victim', 'thief']) {
      const { credentials } = await provisioner.generateCredentials(Meter, deviceId, { create: true })
      passwords.set(deviceId, credentials.password)
    }
    // The broker reads its files some time after the signal.
    await waitUntil('the devices to be known', async () => {
      await using client = await open(mosquitto().port, ...login('thief'))
      return client.connack.reasonCode === 0
    })
  })

  /** Nine sessions of one device in the group that the listener would be in; says what the hub stored of 100 samples. */
  async function storedBesideThieves(hub: DeviceHub, options: MqttListenerOptions): Promise<number> {
    const { port, url } = mosquitto()
    for (const deviceId of ['victim', 'thief']) await hub.devices.create(Meter, { deviceId })
    await using listener = createMqttListener(hub, { url, ...hubUser, ...options })
    await listener.start()
    const thieves: RawMqttClient[] = []
    const [username, password] = login('thief')
    for (let n = 1; n <= 9; n++) {
      const thief = await open(port, username, password, `${username}-${n}`)
      thieves.push(thief)
      for (const filter of ['things/meter/+/data', 'things/+/+/data'])
        expect((await thief.subscribe(`$share/${GROUP}/${filter}`)).granted[0]).toBeLessThan(0x80)
    }
    await using victim = await open(port, ...login('victim'))
    for (let n = 0; n < SENT; n++)
      await victim.publish('things/meter/victim/data', JSON.stringify({ level: n, id: `sample-${n}` }))
    // Of another channel and behind them: when it is there, whatever comes of the samples has come.
    await victim.publish('things/meter/victim/status', '{"status":"online"}')
    await waitUntil('what was sent last', async () => {
      return (await hub.devices.get(Meter, 'victim'))?.status === 'online'
    })
    await waitUntil('nothing in work', () => listener.stats().inFlight === 0)
    for (const thief of thieves) await thief.disconnect()
    await listener.stop({ endSession: true })
    return (await hub.readings.list(Meter, { deviceId: 'victim', limit: 1_000 })).items.length
  }

  test('a listener in no group: nine sessions of a device take nothing of 100 acknowledged messages', async () => {
    await using hub = createHub()
    await using provisioner = createProvisioner(hub, { sinks: [filesOf(mosquitto())] })
    expect(await storedBesideThieves(hub, { clientId: 'alone' })).toBe(SENT)
    expect(provisioner).toBeDefined()
  })

  test('why groups are refused there: forced into one, the listener gets a tenth', async () => {
    // As in another process, whose hub does not know of the files.
    await using hub = createHub()
    const stored = await storedBesideThieves(hub, { clientId: 'member', sharedGroup: GROUP })
    expect(stored).toBeLessThanOrEqual(SENT / 5)
  })

  describe('a listener that asks for a group', () => {
    const REFUSED = {
      code: 'invalid_options',
      message: expect.stringMatching(
        /broker "default": no listener may be in a group there \(this one is in "ingest"\), since .*any device could join.*Run one listener without `slots`.*mosquittoDynamicSecurity/,
      ),
      details: { broker: 'default', group: GROUP },
    }
    const ASKING: readonly MqttListenerOptions[] = [
      { clientId: 'member', sharedGroup: GROUP },
      { slots: { group: GROUP, max: 4 } },
    ]

    test.each(ASKING)('is refused when it is created after the provisioner: %o', async (options) => {
      await using hub = createHub()
      createProvisioner(hub, { sinks: [filesOf(mosquitto())] })
      const create = () => createMqttListener(hub, { url: mosquitto().url, ...hubUser, ...options })
      expect(create).toThrow(expect.objectContaining(REFUSED))
    })

    test.each(ASKING)('is refused when it starts after the provisioner was created: %o', async (options) => {
      await using hub = createHub()
      const listener = createMqttListener(hub, { url: mosquitto().url, ...hubUser, ...options })
      createProvisioner(hub, { sinks: [filesOf(mosquitto())] })
      await expect(listener.start()).rejects.toMatchObject(REFUSED)
    })

    test('that is in it already: the provisioner is refused, and may be created when it has stopped', async () => {
      await using hub = createHub()
      const listener = createMqttListener(hub, { url: mosquitto().url, ...hubUser, ...ASKING[0] })
      await listener.start()
      const provision = () => createProvisioner(hub, { sinks: [filesOf(mosquitto())] })
      expect(provision).toThrow(expect.objectContaining(REFUSED))
      await listener.stop({ endSession: true })
      provision()
      await expect(listener.start()).rejects.toSatisfy((error) => isDeviceHubError(error, 'invalid_options'))
    })

    test('is allowed at another broker than the one that the files are for', async () => {
      await using hub = createHub()
      const { passwordFile, aclFile } = mosquitto()
      const files = { passwordFile: passwordFile as string, aclFile: aclFile as string, reload: () => {} }
      createProvisioner(hub, { sinks: [mosquittoFiles({ ...files, broker: 'field' })] })
      const at = (name: string) => () =>
        createMqttListener(hub, { name, url: mosquitto().url, clientId: 'm', sharedGroup: GROUP })
      expect(at('cloud')).not.toThrow()
      expect(at('field')).toThrow(/broker "field": no listener may be in a group/)
    })
  })
})
