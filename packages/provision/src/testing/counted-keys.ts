import { memoryStorage, type StorageAdapter } from '@devicehub/core'

/** The reference storage, which counts how often a claim key is looked up and answers a turn of the event loop later. */
export function countedKeys(): { readonly storage: StorageAdapter; readonly lookups: number } {
  const adapter = memoryStorage()
  let lookups = 0
  const storage: StorageAdapter = {
    name: 'counting',
    open(context) {
      const opened = adapter.open(context)
      const findKey = async (lookup: string) => {
        lookups++
        await new Promise((resolve) => setImmediate(resolve))
        return opened.claims.findKey(lookup)
      }
      return { ...opened, claims: { ...opened.claims, findKey } }
    },
  }
  return {
    storage,
    get lookups() {
      return lookups
    },
  }
}
