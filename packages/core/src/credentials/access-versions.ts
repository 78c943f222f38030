import type { AccessChanges, CredentialRecord } from '../ports/credentials.js'

/**
 * Tells whether what was read of the database can still be answered. Time is counted in versions: each look that told
 * of a change begins another one.
 */
export interface AccessVersions {
  /** To be taken before the database is asked. */
  readonly present: number
  /** Null: anything may have changed. */
  changed(devices: AccessChanges['devices']): void
  /** `isGood` false: nothing of what was read is good now. That ends with any change: nobody knows whose the next one is. */
  isCurrent(readAt: number, read: readonly CredentialRecord[], isGood: boolean): boolean
}

/** `max`: changed devices remembered; past it everything counts as changed. */
export function createAccessVersions(max: number): AccessVersions {
  const changedAt = new Map<string, number>()
  let present = 0
  let floor = 0

  return {
    get present() {
      return present
    },
    changed(devices) {
      if (devices?.length === 0) return
      present++
      for (const device of devices ?? []) changedAt.set(keyOf(device), present)
      if (devices !== null && changedAt.size <= max) return
      floor = present
      changedAt.clear()
    },
    isCurrent(readAt, read, isGood) {
      if (!isGood) return readAt === present
      return readAt >= floor && read.every((credential) => (changedAt.get(keyOf(credential)) ?? 0) <= readAt)
    },
  }
}

const keyOf = ({ typeKey, deviceId }: { readonly typeKey: string; readonly deviceId: string }) =>
  `${typeKey}/${deviceId}`
