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
 * The part of `storageContract` that depends on the driver: how values, integers and bytes are written and read, how
 * errors are reported, how connections wait for each other. For a second driver of a database whose first driver
 * passes `storageContract`. It takes the same arguments.
 */
export function driverContract(name: string, make: MakeStorage, capabilities: ContractOptions = {}): void {
  describe(`driver contract: ${name}`, () => {
    for (const suite of SUITES) suite({ make, capabilities })
  })
}
