import { expect, test } from 'vitest'
import { CLAIM, command } from '../testing/commands.js'
import { describeDatabases } from '../testing/describe-databases.js'
import { openStorages } from '../testing/opened-storage.js'
import { device, Station, T0 } from '../testing/rows.js'

const PAYLOADS = [
  null,
  'null',
  '{"a":"\\"\\\\ \'x\' , [1] \\u0000 \\ud800 ü 🙂"}',
  '"$1 ? {} \\n"',
  '12345678901234567890',
]

describeDatabases('commands that are claimed as they are written', (open) => {
  test('are as they were given, in that order', async () => {
    await using storages = await openStorages(await open(), [Station])
    const storage = storages.open()
    const online = (id: string) => ({ ...device(Station, id), status: 'online' as const })
    await storage.devices.ensure(Station, [online('a'), online('b')])
    const given = PAYLOADS.map((payload, n) =>
      command(`z-${9 - n}`, {
        payload,
        retries: 2,
        deviceId: n % 2 ? 'a' : 'b',
        batch: n % 2 ? `"it's" ü {n}` : null,
        createdAt: T0 + n,
      }),
    )
    expect(await storage.commands.create(given, CLAIM)).toEqual(given.map(() => 'claimed'))

    const { items } = await storage.commands.list({}, { limit: 100 })
    const kept = items.map(({ id, deviceId, payload, batch, createdAt, timeout, retries, expiresAt }) => [
      [id, deviceId, payload, batch],
      [createdAt, timeout, retries, expiresAt],
    ])
    expect(kept.reverse()).toEqual(
      given.map(({ id, deviceId, payload, batch, createdAt }) => [
        [id, deviceId, payload, batch],
        [createdAt, 30_000, 2, createdAt + 600_000],
      ]),
    )
  })
})
