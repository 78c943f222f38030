import type { StoredValue } from '../model/values.js'

const float = new Float64Array(1)
const words = new Int32Array(float.buffer)
/** No readings' seeds: those have gone through at least one letter. */
const TIME_SEED = 0x811c9dc5 | 0
const ID_SEED = 0x01000193
const FRACTION_SEED = 0x2545f491
const HEAD_SEEDS = Int32Array.of(TIME_SEED, ID_SEED, FRACTION_SEED)

/** A seed for each reading's name, so that a reading added to the type later leaves the hashes of older samples alone. */
export const nameSeeds = (names: readonly string[]): Int32Array =>
  Int32Array.from(names, (name) => {
    let seed = 0x811c9dc5
    for (let i = 0; i < name.length; i++) seed = Math.imul(seed ^ name.charCodeAt(i), 0x01000193)
    return seed
  })

/**
 * 53 bits over the values that are not null, the id and the time that the device claims if given, and the decimals of its
 * second if they go beyond the millisecond: the content part of a sample's identity (invariant 2). It tells apart samples
 * of one device that have the same id or the same millisecond, nothing else, so a fast mixing of two multiplicative lanes is enough.
 */
export function contentHash(
  seeds: Int32Array,
  values: readonly StoredValue[],
  claimed: number | null = null,
  id: string | null = null,
  fraction?: string,
): number {
  let low = 0xdeadbeef
  let high = 0x41c6ce57
  const mix = (word: number) => {
    low = Math.imul(low ^ word, 0x9e3779b1)
    high = Math.imul(high ^ word, 0x5f356495)
    low ^= high >>> 15
  }
  const { length } = values
  // One loop over all of it: more closures than one cost three times as much.
  for (let i = 0; i < length + 3; i++) {
    const value = i < length ? values[i] : i === length ? claimed : i === length + 1 ? id : fraction
    if (value === null || value === undefined) continue
    mix(i < length ? (seeds[i] as number) : (HEAD_SEEDS[i - length] as number))
    if (typeof value === 'number') {
      float[0] = value
      mix(words[0] as number)
      mix(words[1] as number)
    } else if (typeof value === 'string') for (let j = 0; j < value.length; j++) mix(value.charCodeAt(j))
    else if (typeof value === 'boolean') mix(value ? 1 : 2)
    else for (let j = 0; j < value.length; j++) mix(value[j] as number)
  }
  low = Math.imul(low ^ (low >>> 16), 0x85ebca6b) ^ Math.imul(high ^ (high >>> 13), 0xc2b2ae35)
  high = Math.imul(high ^ (high >>> 16), 0x85ebca6b) ^ Math.imul(low ^ (low >>> 13), 0xc2b2ae35)
  return 0x100000000 * (high & 0x1fffff) + (low >>> 0)
}
