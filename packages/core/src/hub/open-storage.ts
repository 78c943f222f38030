import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { DeviceHubError } from '../model/errors.js'
import type { Storage, StorageAdapter } from '../ports/storage.js'

/** The storage of a hub. `invalid_options` for an adapter that was not made by `defineStorage`: parts of it may be missing. */
export function openStorage(adapter: StorageAdapter, types: readonly AnyDeviceType[]): Storage {
  const storage: Partial<Storage> | undefined = adapter.open({ types })
  if (storage?.capabilities !== undefined) return storage as Storage
  throw new DeviceHubError(
    'invalid_options',
    `createDeviceHub: storage "${adapter.name}" opens nothing that says its capabilities; make it with defineStorage(name, open)`,
    { details: { function: 'createDeviceHub', key: 'storage', expected: 'defineStorage()' } },
  )
}
