import { createDeviceHub, defineDeviceType, reading, silentLogger, state } from '@devicehub/core'
import { expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { describeDatabases } from '../testing/describe-databases.js'

const Probe = defineDeviceType('probe', {
  readings: {
    temperature: reading.float(),
    spectrum: reading.json(),
    picture: reading.json({ maxLength: 200_000 }),
  },
  state: { settings: state.json() },
})

/** JSON of so many bytes. */
const text = (bytes: number) => 'x'.repeat(bytes - 2)
const KB = 1024

describeDatabases('what a device may hold', (openDatabase) => {
  async function openHub(maxMetadata?: number) {
    const { connect, cleanup } = await openDatabase()
    const storage = kyselyStorage({ db: connect(), closeDb: true })
    const hub = createDeviceHub({
      types: [Probe],
      storage,
      logger: silentLogger,
      ...(maxMetadata !== undefined && { maxMetadata }),
    })
    await hub.storage.migrate()
    return Object.assign(Object.create(hub) as typeof hub, {
      [Symbol.asyncDispose]: () => hub.close().then(cleanup),
    })
  }

  test('a JSON reading of more than 64 KiB is a bad reading, and the others are stored', async () => {
    await using hub = await openHub()
    await hub.devices.create(Probe, { deviceId: 'P' })
    const send = async (readings: object) => {
      const payload = new TextEncoder().encode(JSON.stringify(readings))
      return (await hub.ingest([{ topic: 'things/probe/P/data', payload, source: 'test' }]))[0]
    }
    expect(await send({ temperature: 1, spectrum: text(64 * KB) })).toMatchObject({ status: 'stored' })
    const outcome = await send({ temperature: 2, spectrum: text(64 * KB + 1), picture: text(150_000) })
    expect(outcome).toMatchObject({ status: 'stored' })
    expect(await send({ temperature: 3, spectrum: 'ä'.repeat(33 * KB) })).toMatchObject({
      status: 'stored',
    })
    const { items } = await hub.readings.list(Probe, { order: 'asc' })
    expect(items.map(({ readings, flags }) => [readings.temperature, flags])).toEqual([
      [1, []],
      [2, ['bad_reading:spectrum']],
      [3, ['bad_reading:spectrum']],
    ])
    expect(items.map(({ readings }) => readings.spectrum)).toEqual([text(64 * KB), null, null])
    expect(items[1]?.readings.picture).toBe(text(150_000))
    const [, message] = (await hub.messages.list(Probe)).items
    expect(message?.flags).toBe('bad_reading:spectrum')
    expect(message?.reason).toContain('at most 65536 bytes')
  })

  test('metadata of more than 64 KiB is refused when a device is created or changed; nothing is written', async () => {
    await using hub = await openHub()
    const metadata = { text: text(64 * KB) }
    const refused = expect.objectContaining({
      code: 'invalid_payload',
      message: expect.stringMatching(/metadata has 65545 bytes as JSON; at most 65536 .*maxMetadata/),
    })
    await expect(hub.devices.create(Probe, { deviceId: 'P', metadata })).rejects.toEqual(refused)
    expect(await hub.devices.get(Probe, 'P')).toBeNull()
    const most = { text: 'x'.repeat(64 * KB - 11) }
    expect((await hub.devices.create(Probe, { deviceId: 'P', metadata: most })).metadata).toEqual(most)
    await expect(hub.devices.update(Probe, 'P', { metadata })).rejects.toEqual(refused)
    expect((await hub.devices.get(Probe, 'P'))?.metadata).toEqual(most)
  })

  test('the bound of metadata is an option', async () => {
    await using hub = await openHub(100_000)
    expect(hub.maxMetadata).toBe(100_000)
    const metadata = { text: text(80_000) }
    expect((await hub.devices.create(Probe, { deviceId: 'P', metadata })).metadata).toEqual(metadata)
  })

  test('a JSON state field of more than 64 KiB is refused as desired and as the state of a device', async () => {
    await using hub = await openHub()
    const large = { settings: text(64 * KB + 1) }
    const code = expect.objectContaining({ code: 'invalid_payload' })
    await expect(hub.devices.create(Probe, { deviceId: 'P', state: large })).rejects.toEqual(code)
    await hub.devices.create(Probe, { deviceId: 'P' })
    await expect(hub.twin(Probe).setDesired('P', large)).rejects.toEqual(code)
    await expect(hub.devices.update(Probe, 'P', { state: large })).rejects.toEqual(code)
    const fits = { settings: text(64 * KB) }
    expect((await hub.twin(Probe).setDesired('P', fits)).desired).toEqual(fits)
  })
})
