import { describe } from 'vitest'
import { leaseContract } from './storage/control/leases.js'
import type { ContractOptions, MakeStorage, StorageContract } from './storage/harness.js'
import { aggregateContract } from './storage/telemetry/aggregate.js'
import { commitContract } from './storage/telemetry/commit.js'
import { messageContract } from './storage/telemetry/messages.js'
import { schemaContract } from './storage/telemetry/schema.js'
import { valueContract } from './storage/telemetry/values.js'

const SUITES: readonly ((contract: StorageContract) => void)[] = [
  schemaContract,
  valueContract,
  messageContract,
  commitContract,
  aggregateContract,
  leaseContract,
]

/**
 * The part of `storageContract` that differs by driver where the SQL and the database are the same: how values, whole
 * numbers and bytes go in and come out, how a refusal of the database reads, how connections wait for each other. For a
 * further driver of a database whose first driver passes `storageContract`. Called as `storageContract` is.
 */
export function driverContract(name: string, make: MakeStorage, capabilities: ContractOptions = {}): void {
  describe(`driver contract: ${name}`, () => {
    for (const suite of SUITES) suite({ make, capabilities })
  })
}
