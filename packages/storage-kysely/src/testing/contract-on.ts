import type { CommitEntry } from '@devicehub/core/storage'
import type { storageContract } from '@devicehub/test-kit'
import { kyselyStorage } from '../kysely-storage.js'
import type { KyselyStorageOptions } from '../storage-options.js'
import type { EmptyDatabase } from './open-database.js'

/** The last value is the geo point's, a text. */
const refuse = (entry: CommitEntry): CommitEntry => ({
  ...entry,
  samples: entry.samples.map((sample) => ({ ...sample, values: [...sample.values.slice(0, -1), 7] })),
})

/** One of the storage's contract suites on databases that `open` makes. */
export function contractOn(
  suite: typeof storageContract,
  name: string,
  open: () => Promise<EmptyDatabase>,
  options: Pick<KyselyStorageOptions<unknown>, 'timescale'> = {},
): void {
  suite(
    name,
    async () => {
      const { connect, cleanup } = await open()
      const adapter = () => kyselyStorage({ ...options, db: connect(), closeDb: true })
      return { adapter: adapter(), connect: async () => adapter(), cleanup }
    },
    { secondStorage: true, refuse },
  )
}
