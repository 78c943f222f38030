import { describe } from 'vitest'
import { accessContract } from './storage/access.js'
import { aggregateContract } from './storage/aggregate.js'
import { changeContract } from './storage/changes.js'
import { claimContract } from './storage/claims.js'
import { commandContract } from './storage/commands.js'
import { commitContract } from './storage/commit.js'
import { consumerContract } from './storage/consumers.js'
import { credentialContract } from './storage/credentials.js'
import { deviceContract } from './storage/devices.js'
import { envelopeContract } from './storage/envelopes.js'
import { fenceContract } from './storage/fences.js'
import type { MakeStorage, StorageCapabilities } from './storage/harness.js'
import { identityContract } from './storage/identity.js'
import { latestContract } from './storage/latest.js'
import { leaseContract } from './storage/leases.js'
import { logContract } from './storage/log.js'
import { messageContract } from './storage/messages.js'
import { pageContract } from './storage/pages.js'
import { presenceContract } from './storage/presence.js'
import { readingContract } from './storage/readings.js'
import { replayContract } from './storage/replay.js'
import { retentionContract } from './storage/retention.js'
import { schemaContract } from './storage/schema.js'
import { sessionContract } from './storage/sessions.js'
import { twinContract } from './storage/twins.js'
import { valueContract } from './storage/values.js'

export type { MakeStorage, StorageCapabilities, StorageUnderTest } from './storage/harness.js'

/**
 * What every implementation of the storage port does. Call it in a vitest file of the implementation, once for each
 * database and driver; `make` gives an empty database of its own each time.
 *
 * @example
 * storageContract('memory', async () => {
 *   const adapter = memoryStorage()
 *   return { adapter, connect: async () => adapter, cleanup: async () => {} }
 * }, { secondStorage: true })
 */
export function storageContract(
  name: string,
  make: MakeStorage,
  capabilities: StorageCapabilities = {},
): void {
  const contract = { make, capabilities }
  describe(`storage contract: ${name}`, () => {
    schemaContract(contract)
    valueContract(contract)
    messageContract(contract)
    commitContract(contract)
    identityContract(contract)
    changeContract(contract)
    replayContract(contract)
    deviceContract(contract)
    presenceContract(contract)
    readingContract(contract)
    latestContract(contract)
    aggregateContract(contract)
    pageContract(contract)
    logContract(contract)
    retentionContract(contract)
    leaseContract(contract)
    fenceContract(contract)
    envelopeContract(contract)
    consumerContract(contract)
    commandContract(contract)
    twinContract(contract)
    sessionContract(contract)
    credentialContract(contract)
    accessContract(contract)
    claimContract(contract)
  })
}
