import type { CommitEntry } from '@devicehub/core/storage'
import { expect, test } from 'vitest'
import { describeDatabases } from '../testing/describe-databases.js'
import { openStorages } from '../testing/opened-storage.js'
import { batch, device, entry, Station, sample, T0 } from '../testing/rows.js'

const DEVICES = ['d0', 'd1', 'd2', 'd3', 'd4']
const IDENTITIES = 600

/** One of the samples that all writers send; half go by id, half by time and content. */
function entryOf(number: number): CommitEntry {
  const deviceId = DEVICES[number % DEVICES.length] as string
  const identity = number % 2 ? { sampleId: `s${number}` } : { contentHash: number, timestamp: T0 + number }
  return entry(Station, deviceId, [sample(deviceId, identity, [null, number, null, null])])
}

describeDatabases('concurrent writers', (openDatabase) => {
  test('invariant 2: writers that commit the same identities in another order each store every sample once', async () => {
    await using storages = await openStorages(await openDatabase(), [Station])
    const writers = [storages.open(), storages.open(), storages.open()]
    await writers[0]?.devices.ensure(
      Station,
      DEVICES.map((id) => device(Station, id)),
    )

    const sent = await Promise.all(
      writers.map(async (storage, writer) => {
        // 7, 11 and 13 have no factor in common with 600: each walks through all identities in another order.
        const step = [7, 11, 13][writer] as number
        let entries = 0
        let duplicates = 0
        for (let at = 0; at < IDENTITIES; ) {
          const size = 1 + ((at * (writer + 3)) % 90)
          const numbers = Array.from(
            { length: Math.min(size, IDENTITIES - at) },
            (_, i) => ((at + i) * step) % IDENTITIES,
          )
          const touched = [...new Set(numbers.map((number) => DEVICES[number % DEVICES.length] as string))]
          const result = await storage.commit(
            batch(numbers.map(entryOf), {
              touches: touched.map((deviceId) => ({ type: Station, deviceId, lastSeen: T0 + at })),
              changes:
                at % 3
                  ? []
                  : touched.map((deviceId) => ({ type: Station, deviceId, at: T0 + at, lastSeen: T0 + at })),
            }),
          )
          entries += numbers.length
          duplicates += result.duplicates?.reduce((sum, count) => sum + count, 0) ?? 0
          at += numbers.length
        }
        return { entries, duplicates }
      }),
    )

    const storage = storages.open()
    const stored = []
    for (const deviceId of DEVICES)
      stored.push(...(await storage.readings.list(Station, { deviceId }, { limit: 10_000 })).items)
    const numbers = stored.map(({ values }) => Number(values[1])).sort((a, b) => a - b)
    expect(numbers).toEqual(Array.from({ length: IDENTITIES }, (_, number) => number))
    const entries = sent.reduce((sum, one) => sum + one.entries, 0)
    expect(
      sent.reduce((sum, one) => sum + one.duplicates, 0),
      'each writer is told of what others stored',
    ).toBe(entries - IDENTITIES)
    const audit = await storage.messages.list(Station, {}, { limit: 10_000 })
    expect(audit.items.length, 'invariant 3: an audit row each').toBe(entries)
    expect(audit.items.filter(({ status }) => status === 'processed')).toHaveLength(IDENTITIES)
  })
})
