import { isRecord } from './is-record.js'
import { type Head, readHead } from './sample-head.js'

/** One sample as it was sent: its values are not looked at yet. */
export interface RawSample extends Head {
  /** By name; for a flat sample the payload itself, so `timestamp`, `id` and `device_id` are among them. */
  readonly fields: Readonly<Record<string, unknown>>
}

export interface ParseDataOptions {
  /** Samples a backfill may hold; default 10,000. */
  readonly maxSamples?: number | undefined
}

export interface ParsedData {
  readonly form: 'flat' | 'list' | 'backfill'
  readonly samples: readonly RawSample[]
  /** Items of a backfill that are no sample, by their place in it; the others are in `samples`. */
  readonly refused: readonly RefusedItem[]
}

export interface RefusedItem {
  readonly index: number
  readonly code: 'invalid_shape'
  readonly reason: string
}

/** `'code' in result` tells it apart. */
export interface DataRefusal {
  readonly code: 'invalid_shape' | 'no_samples' | 'too_many_samples'
  readonly reason: string
}

const NONE: readonly RefusedItem[] = Object.freeze([])
const SHAPES = 'an object of readings, {"readings": [{"type", "value"}]}, or an array of such objects'

/**
 * The samples of a decoded payload: flat, a list, or an array of either (a backfill). Never throws.
 * Whether names are known and values fit is for `compileSampleValidator`.
 */
export function parseData(value: unknown, options: ParseDataOptions = {}): ParsedData | DataRefusal {
  if (Array.isArray(value)) return parseBackfill(value, options.maxSamples ?? 10_000)
  if (!isRecord(value))
    return { code: 'invalid_shape', reason: `data must be ${SHAPES}, not ${typeName(value)}` }
  const sample = parseSample(value)
  if (typeof sample === 'string') return { code: 'invalid_shape', reason: sample }
  return { form: value.readings === undefined ? 'flat' : 'list', samples: [sample], refused: NONE }
}

function parseBackfill(items: readonly unknown[], maxSamples: number): ParsedData | DataRefusal {
  if (items.length === 0) return { code: 'no_samples', reason: 'the backfill is empty' }
  if (items.length > maxSamples) {
    const reason = `the backfill has ${items.length} samples; at most ${maxSamples} are taken at once: send it in parts`
    return { code: 'too_many_samples', reason }
  }
  const samples: RawSample[] = []
  const refused: RefusedItem[] = []
  items.forEach((item, index) => {
    const sample = isRecord(item) ? parseSample(item) : `a sample must be an object, not ${typeName(item)}`
    if (typeof sample === 'string') refused.push({ index, code: 'invalid_shape', reason: sample })
    else samples.push(sample)
  })
  return { form: 'backfill', samples, refused: refused.length === 0 ? NONE : refused }
}

/** The sample, or why it is none. */
function parseSample(record: Readonly<Record<string, unknown>>): RawSample | string {
  const { readings } = record
  const { timestamp, id, flags } = readHead(record)
  if (readings === undefined) return { fields: record, timestamp, id, flags }
  if (!Array.isArray(readings))
    return `"readings" must be an array of {"type", "value"}, not ${typeName(readings)}`
  // Without a prototype: a type named __proto__ is a name like any other.
  const fields: Record<string, unknown> = Object.create(null)
  // Readings beside the list count as well, so that nothing a device sends is lost.
  for (const name of Object.keys(record)) if (name !== 'readings') fields[name] = record[name]
  const listed = new Set<string>()
  for (const [index, item] of readings.entries()) {
    if (!isRecord(item) || typeof item.type !== 'string' || item.value === undefined) {
      return `readings[${index}] must be {"type": <name>, "value": <value>}`
    }
    listed.add(item.type)
    // The last one of a name counts.
    fields[item.type] = item.value
  }
  return {
    fields,
    timestamp,
    id,
    flags: listed.size === readings.length ? flags : [...flags, 'repeated_reading'],
  }
}

const typeName = (value: unknown): string =>
  value === null
    ? 'null'
    : Array.isArray(value)
      ? 'an array'
      : typeof value === 'object'
        ? 'an object'
        : `a ${typeof value}`
