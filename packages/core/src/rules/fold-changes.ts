import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type {
  ChangedDevice,
  CommittedDevice,
  CommittedTransition,
  LiveState,
  TelemetryBatch,
  TelemetryEntry,
} from '../ports/commit.js'
import { applyDeviceChange } from './apply-device-change.js'

/** A device of a batch, as it is after it. */
export interface FoldedDevice extends CommittedDevice {
  /** The place of its last change in the batch; null: it was only touched. */
  readonly change: number | null
  /** Whether its row is another by it. */
  readonly isNew: boolean
}

/** What a batch makes of its devices. */
export interface FoldedChanges {
  /** Of the touches and changes, each once, as they are after the batch; those that do not exist are left out. */
  readonly devices: readonly FoldedDevice[]
  /** Those of the changes, as a commit tells of them. */
  readonly changed: readonly ChangedDevice[]
  /** Changes of status, in order. */
  readonly transitions: readonly CommittedTransition[]
  /** The audit rows of the changes that changed a status. */
  readonly audits: readonly TelemetryEntry[]
}

interface OpenDevice {
  readonly type: AnyDeviceType
  readonly deviceId: string
  readonly before: LiveState
  live: LiveState
  change: number | null
}

/**
 * What the touches and changes of a batch make of their devices, in order: touches first. `stateOf` is asked once for each
 * device; null: there is none.
 */
export function foldChanges(
  { touches, changes }: Pick<TelemetryBatch, 'touches' | 'changes'>,
  stateOf: (type: AnyDeviceType, deviceId: string) => LiveState | null,
): FoldedChanges {
  const devices = new Map<string, OpenDevice | null>()
  function find(type: AnyDeviceType, deviceId: string): OpenDevice | null {
    const key = `${type.key}/${deviceId}`
    const known = devices.get(key)
    if (known !== undefined) return known
    const before = stateOf(type, deviceId)
    const found = before && { type, deviceId, before, live: before, change: null }
    devices.set(key, found)
    return found
  }

  for (const { type, deviceId, lastSeen } of touches) {
    const device = find(type, deviceId)
    if (device && (device.live.lastSeen ?? Number.NEGATIVE_INFINITY) < lastSeen)
      device.live = { ...device.live, lastSeen }
  }
  const transitions: CommittedTransition[] = []
  const audits: TelemetryEntry[] = []
  for (const [place, change] of changes.entries()) {
    const { type, deviceId, at, audit } = change
    const device = find(type, deviceId)
    if (!device) continue
    const { status: from } = device.live
    device.change = place
    device.live = applyDeviceChange(device.live, change)
    const { status: to } = device.live
    if (from === to) continue
    transitions.push({ type, deviceId, from, to, at, change: place })
    if (audit) audits.push({ type, message: audit, samples: [] })
  }
  const existing = [...devices.values()].flatMap((device): FoldedDevice[] => {
    if (device === null) return []
    const { type, deviceId, live, before, change } = device
    return [{ type, deviceId, live, change, isNew: live !== before }]
  })
  const changed = existing.flatMap(({ type, deviceId, live, change }) =>
    change === null ? [] : [{ type, deviceId, live, change }],
  )
  return { devices: existing, changed, transitions, audits }
}
