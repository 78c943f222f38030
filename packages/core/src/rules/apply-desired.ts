import type { DesiredState } from '../ports/twins.js'

/** Versions that a restored database may lack. */
const RESTORE_MAX = 1_000_000

/**
 * One change of desired state, shared by every storage: fields of the patch replace those there are, null takes one
 * away. `floor`: a version the device is known to have; versions of a database that was restored go on above it. One
 * that is further away than any backup is old is not believed: a device could use up all numbers there are.
 */
export function applyDesired(
  current: DesiredState,
  patch: Readonly<Record<string, unknown>>,
  at: number,
  floor: number | null,
): DesiredState {
  const desired: Record<string, unknown> = { ...current.desired }
  const desiredAt: Record<string, number> = { ...current.desiredAt }
  for (const [name, value] of Object.entries(patch)) {
    if (value === null || value === undefined) {
      delete desired[name]
      delete desiredAt[name]
    } else {
      desired[name] = value
      desiredAt[name] = at
    }
  }
  const known = floor !== null && floor - current.version <= RESTORE_MAX ? floor : 0
  return { desired, desiredAt, version: Math.max(current.version, known) + 1 }
}
