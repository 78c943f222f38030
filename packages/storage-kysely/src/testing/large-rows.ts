import { defineDeviceType, reading, type Storage } from '@devicehub/core'
import { batch, entry } from './rows.js'

export const Probe = defineDeviceType('probe', {
  readings: { n: reading.integer(), spectrum: reading.json() },
})

/** Together more than the heap of who reads them. */
export const LARGE = { rows: 150, bytes: 1_000_000, device: 'loud', behind: 'quiet' }

/** A message and its sample, each as large; behind them one of another device. */
export async function storeLarge(storage: Storage): Promise<void> {
  const json = JSON.stringify('x'.repeat(LARGE.bytes))
  const row = (n: number, deviceId: string, spectrum: string | null) =>
    entry(
      Probe,
      deviceId,
      [
        {
          deviceId,
          timestamp: 1_750_000_000_000 + n,
          receivedAt: 1_750_000_000_000,
          orderAt: 1_750_000_000_000 + n,
          sampleId: null,
          contentHash: null,
          flags: null,
          values: [n, spectrum],
        },
      ],
      { payloadJson: JSON.stringify({ n, spectrum }) },
    )
  for (let n = 0; n < LARGE.rows; n += 2)
    await storage.commit(batch([row(n, LARGE.device, json), row(n + 1, LARGE.device, json)]))
  await storage.commit(batch([row(LARGE.rows, LARGE.behind, null)]))
}
