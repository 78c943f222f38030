import { memoryStorage } from '@devicehub/core'
import { storageContract } from './storage-contract.js'

storageContract(
  'memory',
  async () => {
    const adapter = memoryStorage()
    return { adapter, connect: async () => adapter, cleanup: async () => {} }
  },
  {
    secondStorage: true,
    // The last value is the geo point's, a text: nothing that holds geo points holds this.
    refuse: (entry) => ({
      ...entry,
      samples: entry.samples.map((sample) => ({ ...sample, values: [...sample.values.slice(0, -1), 7] })),
    }),
  },
)
