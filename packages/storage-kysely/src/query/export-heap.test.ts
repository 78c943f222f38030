import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { newDeviceRecord } from '@devicehub/core/storage'
import { describeWith } from '@devicehub/test-kit'
import { Kysely } from 'kysely'
import { expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { sqliteDialect } from '../sqlite/sqlite-dialect.js'
import { batch, entry, Meter, T0 } from '../testing/rows.js'

const root = fileURLToPath(new URL('../../../..', import.meta.url))
const script = fileURLToPath(new URL('../testing/export-process.ts', import.meta.url))
const ROWS = 200_000
const DEVICES = 50
/** MiB: enough to start, and less than the rows. */
const HEAP = 64

async function inSmallHeap(...args: string[]) {
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${HEAP}`, '--import', 'tsx', script, ...args],
    {
      cwd: root,
      stdio: ['ignore', 'inherit', 'ignore', 'ipc'],
    },
  )
  const seen: unknown[] = []
  child.on('message', (count) => seen.push(count))
  try {
    const [code, signal] = await once(child, 'close')
    return { seen, ended: code ?? signal }
  } finally {
    child.kill('SIGKILL')
  }
}

describeWith(['sqlite'], 'an export on SQLite', () => {
  test('invariant 5: 200,000 rows go through a heap that does not hold them', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'devicehub-export-'))
    try {
      const file = join(folder, 'test.db')
      const db = new Kysely({ dialect: sqliteDialect({ file }) })
      const storage = kyselyStorage({ db, closeDb: true }).open({ types: [Meter] })
      await storage.migrate()
      const ids = Array.from({ length: DEVICES }, (_, n) => `d${n}`)
      await storage.devices.ensure(
        Meter,
        ids.map((deviceId) => newDeviceRecord(Meter, { deviceId }, T0)),
      )
      for (let from = 0; from < ROWS; from += 4_000) {
        const deviceId = ids[(from / 4_000) % DEVICES] as string
        const samples = Array.from({ length: 4_000 }, (_, n) => ({
          deviceId,
          timestamp: T0 + from + n,
          receivedAt: T0,
          orderAt: T0 + from + n,
          sampleId: `sample-${from + n}`,
          contentHash: n,
          flags: null,
          values: [from + n],
        }))
        await storage.commit(batch([entry(Meter, deviceId, samples)]))
      }
      await storage.close()
      expect(await inSmallHeap(file)).toEqual({ seen: [ROWS + 1], ended: 0 })
      // The same heap does not hold the rows: else this would prove nothing.
      expect((await inSmallHeap(file, 'hold')).seen).toEqual([ROWS + 1])
    } finally {
      await rm(folder, { recursive: true })
    }
  }, 240_000)
})
