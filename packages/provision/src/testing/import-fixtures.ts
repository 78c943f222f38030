import { readFile } from 'node:fs/promises'
import { memoryStorage, type Storage, type StorageAdapter } from '@devicehub/core'

export interface JsonOutput {
  readonly device_type: string
  readonly count: number
  readonly devices: readonly {
    readonly device_id: string
    readonly name: string
    readonly device_type: string
    readonly mqtt_username: string
    readonly mqtt_password: string
    readonly api_key: string
  }[]
}

export const readJsonFile = async (file: string) => JSON.parse(await readFile(file, 'utf8')) as JsonOutput

export const rowsOf = (count: number, prefix = 'D') =>
  Array.from({ length: count }, (_, index) => ({ device_id: `${prefix}-${index}` }))

/** Memory storage whose parts can be replaced. */
export function storageWith(change: (storage: Storage) => Partial<Storage>): StorageAdapter {
  const adapter = memoryStorage()
  return {
    name: adapter.name,
    open(context) {
      const storage = adapter.open(context)
      return { ...storage, ...change(storage) }
    },
  }
}
