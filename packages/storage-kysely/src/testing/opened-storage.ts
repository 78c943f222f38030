import type { AnyDeviceType, Storage } from '@devicehub/core'
import { kyselyStorage } from '../kysely-storage.js'
import type { EmptyDatabase } from './open-database.js'

export interface OpenedStorages extends AsyncDisposable {
  /** Another storage with connections of its own, as another process has. */
  open(): Storage
}

/** Storages on one migrated database. */
export async function openStorages(
  database: EmptyDatabase,
  types: readonly AnyDeviceType[],
): Promise<OpenedStorages> {
  const opened: Storage[] = []
  const open = () => {
    const storage = kyselyStorage({ db: database.connect(), closeDb: true }).open({ types })
    opened.push(storage)
    return storage
  }
  await open().migrate()
  return {
    open,
    async [Symbol.asyncDispose]() {
      for (const storage of opened) await storage.close()
      await database.cleanup()
    },
  }
}
