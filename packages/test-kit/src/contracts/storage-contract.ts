import { controlContract } from './control-contract.js'
import type { ContractOptions, MakeStorage } from './storage/harness.js'
import { telemetryContract } from './telemetry-contract.js'

export type { ContractOptions, MakeStorage, StorageUnderTest } from './storage/harness.js'

/**
 * What every implementation of the storage port does: `telemetryContract` and `controlContract`. Call it in a vitest
 * file of the implementation, once for each database and driver; `make` gives an empty database of its own each time.
 *
 * @example
 * storageContract('memory', async () => {
 *   const adapter = memoryStorage()
 *   return { adapter, connect: async () => adapter, cleanup: async () => {} }
 * }, { secondStorage: true })
 */
export function storageContract(name: string, make: MakeStorage, capabilities: ContractOptions = {}): void {
  telemetryContract(name, make, capabilities)
  controlContract(name, make, capabilities)
}
