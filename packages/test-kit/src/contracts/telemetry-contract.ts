import { describe } from 'vitest'
import type { ContractOptions, MakeStorage, StorageContract } from './storage/harness.js'
import { aggregateContract } from './storage/telemetry/aggregate.js'
import { aggregateBoundsContract } from './storage/telemetry/aggregate-bounds.js'
import { aggregateOverflowContract } from './storage/telemetry/aggregate-overflow.js'
import { changeOrderContract } from './storage/telemetry/change-order.js'
import { changeContract } from './storage/telemetry/changes.js'
import { commitContract } from './storage/telemetry/commit.js'
import { deviceListContract } from './storage/telemetry/device-lists.js'
import { deviceOrderContract } from './storage/telemetry/device-orders.js'
import { deviceSelectorContract } from './storage/telemetry/device-selectors.js'
import { deviceContract } from './storage/telemetry/devices.js'
import { envelopeContract } from './storage/telemetry/envelopes.js'
import { fleetContract } from './storage/telemetry/fleets.js'
import { identityContract } from './storage/telemetry/identity.js'
import { identityBatchContract } from './storage/telemetry/identity-batches.js'
import { latestContract } from './storage/telemetry/latest.js'
import { latestTypeContract } from './storage/telemetry/latest-types.js'
import { logContract } from './storage/telemetry/log.js'
import { logPlaceContract } from './storage/telemetry/log-places.js'
import { messageContract } from './storage/telemetry/messages.js'
import { pageContract } from './storage/telemetry/pages.js'
import { presenceContract } from './storage/telemetry/presence.js'
import { readingContract } from './storage/telemetry/readings.js'
import { replayContract } from './storage/telemetry/replay.js'
import { retentionContract } from './storage/telemetry/retention.js'
import { scanContract } from './storage/telemetry/scan.js'
import { schemaContract } from './storage/telemetry/schema.js'
import { scopeContract } from './storage/telemetry/scopes.js'
import { seriesContract } from './storage/telemetry/series.js'
import { seriesBoundsContract } from './storage/telemetry/series-bounds.js'
import { sessionContract } from './storage/telemetry/sessions.js'
import { setBackContract } from './storage/telemetry/set-back.js'
import { valueContract } from './storage/telemetry/values.js'

const SUITES: readonly ((contract: StorageContract) => void)[] = [
  schemaContract,
  valueContract,
  messageContract,
  commitContract,
  identityContract,
  identityBatchContract,
  changeContract,
  changeOrderContract,
  sessionContract,
  presenceContract,
  setBackContract,
  replayContract,
  deviceContract,
  deviceListContract,
  deviceSelectorContract,
  deviceOrderContract,
  fleetContract,
  readingContract,
  latestContract,
  latestTypeContract,
  aggregateContract,
  aggregateBoundsContract,
  aggregateOverflowContract,
  scanContract,
  seriesContract,
  seriesBoundsContract,
  pageContract,
  logContract,
  logPlaceContract,
  retentionContract,
  envelopeContract,
  scopeContract,
]

/**
 * The part of `storageContract` about what devices send: schema, messages, readings, devices and their last values,
 * the log, retention. It takes the same arguments.
 */
export function telemetryContract(name: string, make: MakeStorage, capabilities: ContractOptions = {}): void {
  describe(`telemetry contract: ${name}`, () => {
    for (const suite of SUITES) suite({ make, capabilities })
  })
}
