import { createDeviceHub, defineDeviceType, reading, silentLogger } from '@devicehub/core'
import { createFakeBroker, createRawClient, describeWith, waitUntil } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { createHeldHub } from '../testing/held-hub.js'
import { Station } from '../testing/station.js'

const readings = { depth: reading.float() }
const Buoy = defineDeviceType('buoy', { readings, broker: 'sea' })

describeWith(['mosquitto'], 'a broker that serves no type', ({ mosquitto }) => {
  const options = () => ({ url: mosquitto().url, quietPeriod: '50ms' as const })

  test.each([4, 5] as const)(
    'MQTT version %i: its listener starts, leaves and adopts like any other',
    async (protocolVersion) => {
      const hub = createHeldHub({ types: [Buoy] })
      const create = (clientId: string) =>
        createMqttListener(hub, { ...options(), clientId: `${clientId}-${protocolVersion}`, protocolVersion })
      const gone = create('gone')
      const handled: string[] = []
      const handle = (listener: typeof gone) =>
        listener.handle('plain/#', ({ topic }) => handled.push(topic), { name: 'plain' })
      handle(gone)
      await gone.start()
      await gone.stop()
      const sender = await createRawClient({ port: mosquitto().port })
      await sender.publish('plain/1', 'kept')
      await sender.disconnect()

      const adopter = create('adopter')
      handle(adopter)
      await adopter.start()
      expect(await adopter.endSessionsOf(`gone-${protocolVersion}`)).toEqual({ sessions: 2, messages: 1 })
      expect(handled).toEqual(['plain/1'])
      await adopter.stop({ endSession: true })
      expect(await create('second').endSessionsOf(`adopter-${protocolVersion}`)).toMatchObject({
        sessions: 0,
      })
    },
  )
})

describe('a type that nobody serves', () => {
  const Typo = defineDeviceType('typo', { readings, protocol: 'mqqt' })
  const Posted = defineDeviceType('posted', { readings, protocol: 'http' })
  const warnings = ({ log }: ReturnType<typeof createHeldHub>) =>
    log.filter(({ level }) => level === 'warn').map(({ message }) => message)

  test('is named at start, with the option that does not fit', async () => {
    await using broker = await createFakeBroker()
    const hub = createHeldHub({ types: [Station, Buoy, Typo, Posted] })
    await using listener = createMqttListener(hub, { url: broker.url })
    await listener.start()
    expect(warnings(hub)).toEqual([
      expect.stringMatching(
        /^no messages are received for the device type "buoy": its option `broker` is "sea", and this listener has "default"\. Add "sea" to `brokers`/,
      ),
      expect.stringMatching(
        /^no messages are received for the device type "typo": its option `protocol` is "mqqt", and a listener receives "mqtt" only/,
      ),
    ])
  })

  test('is not one whose broker another listener of the hub serves', async () => {
    await using broker = await createFakeBroker()
    const hub = createDeviceHub({ types: [Station, Buoy], logger: silentLogger })
    const lines: string[] = []
    const logged = { ...silentLogger, warn: (_fields: object, text?: string) => void lines.push(text ?? '') }
    const start = async (name: string) => {
      const listener = createMqttListener(
        { ...hub, logger: logged },
        { name, url: broker.url, clientId: name },
      )
      await listener.start()
    }
    await start('sea')
    expect(lines.join()).toMatch(/"station".*`broker` is "default".*has "sea"/)
    lines.length = 0
    await start('default')
    expect(lines).toEqual([])
    await hub.close()
  })

  test('the listener of a broker that serves no type does not warn of those that are served', async () => {
    await using broker = await createFakeBroker()
    const hub = createHeldHub({ types: [Station] })
    const brokers = { default: { url: broker.url }, plain: { url: broker.url, clientId: 'plain' } }
    await using listener = createMqttListener(hub, { brokers })
    await listener.start()
    await waitUntil('both', () => listener.stats().state === 'connected')
    expect(warnings(hub)).toEqual([])
  })
})
