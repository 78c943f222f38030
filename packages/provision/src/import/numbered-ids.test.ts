import { EVERY_DEVICE } from '@devicehub/core/storage'
import { describe, expect, test } from 'vitest'
import { Meter, provisionWorld, Station } from '../testing/provision-world.js'

describe('by count', () => {
  const numbered = async (world: ReturnType<typeof provisionWorld>, count: number, prefix?: string) => {
    const given: string[] = []
    const report = await world.provisioner.importDevices(
      Station,
      { count, ...(prefix === undefined ? {} : { prefix }) },
      { output: (devices) => void given.push(...devices.map(({ deviceId }) => deviceId)) },
    )
    return { given, report }
  }

  test('numbers go on behind those there are', async () => {
    await using world = provisionWorld()
    expect((await numbered(world, 3)).given).toEqual([1, 2, 3].map((it) => `weatherstation-00${it}`))
    expect((await numbered(world, 2, 'hall-')).given).toEqual(
      [1, 2].map((it) => `hall-weatherstation-00${it}`),
    )
    await world.hub.devices.delete(Station, 'weatherstation-002')
    await world.hub.devices.create(Station, { deviceId: 'weatherstation-007' })
    await world.hub.devices.create(Station, { deviceId: 'weatherstation-spare' })
    await world.hub.devices.create(Meter, { deviceId: 'weatherstation-900' })
    expect((await numbered(world, 2)).given).toEqual(['weatherstation-008', 'weatherstation-009'])
    const { report } = await numbered(world, 1_100)
    expect(report).toMatchObject({ created: 1_100, existing: 0, failed: 0 })
    expect(await world.hub.devices.get(Station, 'weatherstation-1109')).not.toBeNull()
  })

  test('two at a time create as many as both ask for', async () => {
    await using world = provisionWorld()
    const reports = await Promise.all([numbered(world, 700), numbered(world, 700)])
    expect(reports.map(({ report }) => report.created)).toEqual([700, 700])
    const page = await world.hub.storage.devices.list(Station, EVERY_DEVICE, { limit: 2_000 })
    expect(page.items).toHaveLength(1_400)
  })

  test('what cannot be counted, or named, is refused', async () => {
    await using world = provisionWorld()
    for (const [count, prefix, code] of [
      [0, '', 'invalid_options'],
      [1.5, '', 'invalid_options'],
      [1, 'a/', 'invalid_device_id'],
      [1, 'x'.repeat(128), 'invalid_device_id'],
    ] as const)
      await expect(numbered(world, count, prefix)).rejects.toMatchObject({ code })
  })
})
