import { isRecord } from './is-record.js'

/** Deeper values are refused: writing them as text recurses, and databases have limits of their own. */
export const MAX_JSON_DEPTH = 64

/** Whether writing the value as JSON and reading it gives the same: no NaN, no Date, no undefined in it, not too deep. */
export function isPlainJson(value: unknown, depth = 0): boolean {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return true
    case 'number':
      return Number.isFinite(value)
    case 'object':
      break
    default:
      return false
  }
  if (value === null) return true
  if (depth >= MAX_JSON_DEPTH) return false
  if (Array.isArray(value)) {
    // A loop, since `every` skips holes.
    for (const item of value) if (!isPlainJson(item, depth + 1)) return false
    return true
  }
  if (!isRecord(value)) return false
  for (const key of Object.keys(value)) {
    const member = value[key]
    // An optional member of a schema's output that is absent.
    if (member !== undefined && !isPlainJson(member, depth + 1)) return false
  }
  return true
}
