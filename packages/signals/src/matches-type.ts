import type { AnyDeviceType } from '@devicehub/core'

/**
 * Whether a subscription to `wanted` hears of `type`: the type itself, and every type that extends it, so that one
 * handler on an abstract parent serves all its children. By key, since two copies of a definition may be loaded.
 */
export const matchesType = (type: AnyDeviceType, wanted: AnyDeviceType): boolean =>
  type.key === wanted.key || (type.ancestors?.includes(wanted.key) ?? false)
