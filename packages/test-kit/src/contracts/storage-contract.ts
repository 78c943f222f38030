import { controlContract } from './control-contract.js'
import type { ContractOptions, MakeStorage } from './storage/harness.js'
import { telemetryContract } from './telemetry-contract.js'

export type { ContractOptions, MakeStorage, StorageUnderTest } from './storage/harness.js'

/**
 * The tests that every implementation of the storage port passes: `telemetryContract` and `controlContract`. Call it
 * in a vitest file, once for each database and driver. `make` gives an empty database of its own each time.
 *
 * @example
 * import { memoryStorage } from '@devicehub/core'
 * import { storageContract } from '@devicehub/test-kit'
 *
 * storageContract('my storage', async () => {
 *   const adapter = memoryStorage() // yours
 *   return { adapter, connect: async () => adapter, cleanup: async () => {} }
 * }, { secondStorage: true })
 */
export function storageContract(name: string, make: MakeStorage, capabilities: ContractOptions = {}): void {
  telemetryContract(name, make, capabilities)
  controlContract(name, make, capabilities)
}
