import type { AccessChanges, CredentialRecord } from '../ports/credentials.js'

/**
 * Tells whether credentials that were read earlier are still current. Each poll that finds a change begins a new
 * version; what was read is stamped with the version from before its query.
 */
export interface ChangeVersions {
  /** The version to stamp a query with: take it before the query is sent. */
  readonly current: number
  /** Begins a new version. Null: any device may have changed. */
  changed(devices: AccessChanges['devices']): void
  /**
   * Whether what was read at version `readAt` is still true. `isGood` false: none of it can log in, and a new credential
   * of any device could change that, so it holds only until the next version.
   */
  isCurrent(readAt: number, read: readonly CredentialRecord[], isGood: boolean): boolean
}

/** `max`: changed devices kept; beyond that every device counts as changed. */
export function createChangeVersions(max: number): ChangeVersions {
  const changedAt = new Map<string, number>()
  let current = 0
  let floor = 0

  return {
    get current() {
      return current
    },
    changed(devices) {
      if (devices?.length === 0) return
      current++
      for (const device of devices ?? []) changedAt.set(keyOf(device), current)
      if (devices !== null && changedAt.size <= max) return
      floor = current
      changedAt.clear()
    },
    isCurrent(readAt, read, isGood) {
      if (!isGood) return readAt === current
      return readAt >= floor && read.every((credential) => (changedAt.get(keyOf(credential)) ?? 0) <= readAt)
    },
  }
}

const keyOf = ({ typeKey, deviceId }: { readonly typeKey: string; readonly deviceId: string }) =>
  `${typeKey}/${deviceId}`
