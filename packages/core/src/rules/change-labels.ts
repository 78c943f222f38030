import { DeviceHubError } from '../model/errors.js'
import { LABELS_MAX, type Labels } from '../model/selector/labels.js'

/**
 * A device's labels after a change, in the order of their keys, shared by every storage. `invalid_payload` when they are
 * too many.
 */
export function changeLabels(
  deviceId: string,
  labels: Labels,
  change: Readonly<Record<string, string | null>>,
): Labels {
  const next = new Map(Object.entries(labels))
  for (const [key, value] of Object.entries(change))
    if (value === null) next.delete(key)
    else next.set(key, value)
  if (next.size > LABELS_MAX)
    throw new DeviceHubError(
      'invalid_payload',
      `${deviceId} would have ${next.size} labels; a device has at most ${LABELS_MAX}. Take some away (null) or keep the rest in metadata`,
      { details: { deviceId, labels: next.size, max: LABELS_MAX } },
    )
  return Object.fromEntries([...next].sort(([a], [b]) => (a < b ? -1 : 1)))
}
