import { describe } from 'vitest'
import { accessContract } from './storage/control/access.js'
import { claimContract } from './storage/control/claims.js'
import { commandClaimContract } from './storage/control/command-claims.js'
import { commandStepContract } from './storage/control/command-steps.js'
import { commandContract } from './storage/control/commands.js'
import { consumerFailureContract } from './storage/control/consumer-failures.js'
import { consumerContract } from './storage/control/consumers.js'
import { credentialWriteContract } from './storage/control/credential-writes.js'
import { credentialContract } from './storage/control/credentials.js'
import { fenceContract } from './storage/control/fences.js'
import { hubClockContract } from './storage/control/hub-clock.js'
import { leaseContract } from './storage/control/leases.js'
import { missedRowContract } from './storage/control/missed-rows.js'
import { scopedControlContract } from './storage/control/scopes.js'
import { twinContract } from './storage/control/twins.js'
import type { ContractOptions, MakeStorage, StorageContract } from './storage/harness.js'

const SUITES: readonly ((contract: StorageContract) => void)[] = [
  leaseContract,
  fenceContract,
  consumerContract,
  consumerFailureContract,
  missedRowContract,
  commandContract,
  commandClaimContract,
  commandStepContract,
  twinContract,
  credentialContract,
  credentialWriteContract,
  accessContract,
  claimContract,
  hubClockContract,
  scopedControlContract,
]

/**
 * The part of `storageContract` about the hub's own records: leases, consumers, commands, twins, credentials and
 * claims. It takes the same arguments.
 */
export function controlContract(name: string, make: MakeStorage, capabilities: ContractOptions = {}): void {
  describe(`control contract: ${name}`, () => {
    for (const suite of SUITES) suite({ make, capabilities })
  })
}
