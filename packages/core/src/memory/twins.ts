import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type {
  DesiredChange,
  DesiredPublished,
  DesiredState,
  DueTwin,
  ReportedState,
  ReportOutcome,
  SetDesiredOutcome,
  StateReport,
  TwinClaimRequest,
  TwinKey,
  TwinRecord,
} from '../ports/twins.js'
import { applyDesired } from '../rules/apply-desired.js'
import { applyReport } from '../rules/apply-report.js'
import { isInSync } from '../rules/state-delta.js'
import type { OpenedMemory } from './opened-memory.js'
import { inOrderOf } from './tables.js'

interface TwinRow extends TwinKey {
  wanted: DesiredState
  known: ReportedState
  publishedVersion: number
  /** The device was deleted: what the broker retains has to go. */
  cleared: boolean
  claim: string | null
  /** By the monotonic clock; null: nothing to publish. */
  nextAt: number | null
}

const NOTHING_WANTED: DesiredState = { desired: {}, desiredAt: {}, version: 0 }
const NOTHING_KNOWN: ReportedState = { reportedAt: {}, reportedVersion: null }

/** The twins of one `memoryStorage()`. Its database's clock is the process's monotonic one. */
export class MemoryTwins {
  readonly #rows = new Map<string, TwinRow>()

  #rowOf(typeKey: string, deviceId: string): TwinRow {
    const key = keyOf(typeKey, deviceId)
    const row = this.#rows.get(key) ?? {
      typeKey,
      deviceId,
      wanted: NOTHING_WANTED,
      known: NOTHING_KNOWN,
      publishedVersion: 0,
      cleared: false,
      claim: null,
      nextAt: null,
    }
    this.#rows.set(key, row)
    return row
  }

  get(opened: OpenedMemory, type: AnyDeviceType, deviceId: string): TwinRecord | null {
    const device = opened.tableOf(type).devices.get(deviceId)
    if (device === undefined) return null
    const { wanted, known, publishedVersion } = this.#rows.get(keyOf(type.key, deviceId)) ?? {
      wanted: NOTHING_WANTED,
      known: NOTHING_KNOWN,
      publishedVersion: 0,
    }
    const state = inOrderOf(type.stateNames, device.stateNames, device.record.state)
    return { ...structuredClone(wanted), ...structuredClone(known), publishedVersion, state }
  }

  setDesired(opened: OpenedMemory, change: DesiredChange): SetDesiredOutcome {
    const { type, deviceId, patch, ifVersion, at } = change
    const device = opened.tableOf(type).devices.get(deviceId)?.record
    if (device === undefined) return { outcome: 'device_not_found' }
    if (!device.isActive) return { outcome: 'device_inactive' }
    const row = this.#rowOf(type.key, deviceId)
    const { version } = row.wanted
    if (ifVersion !== undefined && ifVersion !== version) return { outcome: 'conflict', version }
    row.wanted = applyDesired(row.wanted, structuredClone(patch), at, row.known.reportedVersion)
    row.cleared = false
    if (row.claim === null || (row.nextAt ?? 0) <= performance.now()) {
      row.claim = null
      row.nextAt = performance.now()
    }
    return { outcome: 'set', record: this.get(opened, type, deviceId) as TwinRecord }
  }

  claimDue({ claim, ttl, types, limit }: TwinClaimRequest): DueTwin[] {
    const now = performance.now()
    const due = [...this.#rows.values()]
      .filter(({ nextAt, typeKey }) => nextAt !== null && nextAt <= now && types.includes(typeKey))
      .slice(0, limit)
    return due.map((row) => {
      row.claim = claim
      row.nextAt = now + ttl
      const { typeKey, deviceId, wanted, cleared } = row
      const desired = cleared ? null : structuredClone(wanted.desired)
      return { typeKey, deviceId, version: wanted.version, desired }
    })
  }

  release(claim: string, twins: readonly TwinKey[], delay: number): void {
    for (const { typeKey, deviceId } of twins) {
      const row = this.#rows.get(keyOf(typeKey, deviceId))
      if (row?.claim !== claim) continue
      row.claim = null
      row.nextAt = performance.now() + delay
    }
  }

  published(typeKey: string, deviceId: string | null, { version, claim }: DesiredPublished): void {
    const row = this.#rows.get(keyOf(typeKey, deviceId ?? ''))
    if (row === undefined) return
    row.publishedVersion = Math.max(row.publishedVersion, version)
    const isLast = row.claim === claim && version === row.wanted.version
    // Also when another one publishes it now: what was just sent may have come behind that one's. Once more, then.
    row.claim = null
    row.nextAt = isLast ? null : performance.now()
  }

  report(
    opened: OpenedMemory,
    type: AnyDeviceType,
    deviceId: string,
    report: StateReport,
  ): ReportOutcome | undefined {
    const device = opened.tableOf(type).devices.get(deviceId)
    if (device === undefined) return undefined
    const row = this.#rowOf(type.key, deviceId)
    const { applied, next } = applyReport(row.known, report)
    row.known = next
    const state = inOrderOf(type.stateNames, device.stateNames, device.record.state)
    for (const name of applied) state[type.stateNames.indexOf(name)] = report.values[name] ?? null
    device.record = { ...device.record, state }
    device.stateNames = type.stateNames
    return { applied, record: this.get(opened, type, deviceId) as TwinRecord }
  }

  isInSync(opened: OpenedMemory, type: AnyDeviceType, deviceId: string): boolean {
    const record = this.#rows.has(keyOf(type.key, deviceId)) ? this.get(opened, type, deviceId) : null
    return record === null || isInSync(type, record)
  }

  deleted(typeKey: string, deviceId: string): void {
    const row = this.#rows.get(keyOf(typeKey, deviceId))
    if (row === undefined) return
    const { version } = row.wanted
    if (version === 0) return void this.#rows.delete(keyOf(typeKey, deviceId))
    row.wanted = { ...NOTHING_WANTED, version: version + 1 }
    row.known = NOTHING_KNOWN
    row.cleared = true
    row.claim = null
    row.nextAt = performance.now()
  }
}

const keyOf = (typeKey: string, deviceId: string) => `${typeKey}/${deviceId}`
