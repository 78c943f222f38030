import type { DesiredState } from '../ports/twins.js'

/**
 * One change of desired state, shared by every storage: fields of the patch replace those there are, null takes one
 * away. `floor`: a version the device is known to have; versions of a database that was restored go on above it.
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
  return { desired, desiredAt, version: Math.max(current.version, floor ?? 0) + 1 }
}
