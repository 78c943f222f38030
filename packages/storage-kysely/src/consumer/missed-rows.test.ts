import { defineDeviceType } from '@devicehub/core'
import { expect, test } from 'vitest'
import { describeDatabases } from '../testing/describe-databases.js'
import { openStorages } from '../testing/opened-storage.js'
import { batch, entry, T0 } from '../testing/rows.js'

const Fleeting = defineDeviceType('fleeting', { retention: { messages: 60 } })

describeDatabases('missed rows', (openDatabase) => {
  test('an invalid cursor stops neither retention nor the count for others', async () => {
    await using storages = await openStorages(await openDatabase(), [Fleeting])
    const storage = storages.open()
    await storage.commit(
      batch(Array.from({ length: 5 }, () => entry(Fleeting, 'd', [], { receivedAt: T0 - 100_000 }))),
    )
    for (const [name, cursor] of [
      ['lost', 'of another database'],
      ['other', null],
    ] as const)
      await storage.consumers.open({ name, epoch: 1, typeKeys: [Fleeting.key], cursor, now: T0 })
    expect(await storage.applyRetention(T0)).toEqual({ readings: 0, messages: 5 })
    expect((await storage.consumers.list()).map(({ name, missed }) => [name, missed])).toEqual([
      ['lost', 0],
      ['other', 5],
    ])
  })

  test('the rows of several deletion steps are counted together', async () => {
    await using storages = await openStorages(await openDatabase(), [Fleeting])
    const storage = storages.open()
    const rows = 4500
    for (let stored = 0; stored < rows; stored += 1500)
      await storage.commit(
        batch(Array.from({ length: 1500 }, () => entry(Fleeting, 'd', [], { receivedAt: T0 - 100_000 }))),
      )
    const { cursor } = await storage.log.read([Fleeting], null, 1000)
    await storage.consumers.open({ name: 'c', epoch: 1, typeKeys: [Fleeting.key], cursor, now: T0 })
    expect(await storage.applyRetention(T0)).toEqual({ readings: 0, messages: rows })
    expect(await storage.consumers.get('c')).toMatchObject({ missed: rows - 1000, cursor })
  })
})
