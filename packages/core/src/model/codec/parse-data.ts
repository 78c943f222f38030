import { isRecord } from './is-record.js'
import { type Head, type HeadReader, readHead } from './sample-head.js'
import { type DataRefusal, unreadable } from './unreadable.js'

/** One sample as it was sent: its values are not looked at yet. */
export interface RawSample extends Head {
  /** By name; for a flat sample the payload itself, so `timestamp`, `id` and `device_id` are among them. */
  readonly fields: Readonly<Record<string, unknown>>
  /** Items of a list that are no reading; the others are in `fields`. Absent when there are none. */
  readonly malformed?: readonly MalformedItem[]
}

/** An item of a list that is no reading. */
export interface MalformedItem {
  /** The reading it names; null: none. */
  readonly name: string | null
  /** What is wrong with it, in a sentence. */
  readonly reason: string
}

/** How a `data` payload is taken apart. */
export interface ParseDataOptions {
  /** Samples a backfill may hold; default 10,000. */
  readonly maxSamples?: number | undefined
  /** Where id and time of a sample are; default: in the fields `id` and `timestamp`. */
  readonly readHead?: HeadReader | undefined
}

/** The samples of a `data` payload. */
export interface ParsedData {
  /** How they were sent: one object of names and values, a list of readings, or an array of samples. */
  readonly form: 'flat' | 'list' | 'backfill'
  /** In the order in which they were sent. */
  readonly samples: readonly RawSample[]
  /** Items of a backfill that are no sample, by their place in it; the others are in `samples`. */
  readonly refused: readonly RefusedItem[]
}

/** An item of a backfill that is no sample. */
export interface RefusedItem {
  /** Its place in the backfill, from 0. */
  readonly index: number
  /** For the audit row. */
  readonly code: 'invalid_shape'
  /** What is wrong with it, in a sentence. */
  readonly reason: string
}

const NONE: readonly RefusedItem[] = Object.freeze([])
/** Of a list; a megabyte of `{}` would make hundreds of thousands. */
const MALFORMED_MAX = 100
const SHAPES = 'an object of readings, {"readings": [{"type", "value"}]}, or an array of such objects'

/**
 * The samples of a decoded payload: flat, a list, or an array of either (a backfill). Never throws.
 * `receivedAt`: tells which of two instants a local time means. Whether names are known and values fit is for
 * `compileSampleValidator`.
 */
export function parseData(
  value: unknown,
  options: ParseDataOptions = {},
  receivedAt?: number,
): ParsedData | DataRefusal {
  try {
    return parseReadable(value, options, receivedAt)
  } catch (cause) {
    return unreadable(cause)
  }
}

function parseReadable(
  value: unknown,
  options: ParseDataOptions,
  receivedAt: number | undefined,
): ParsedData | DataRefusal {
  const read = options.readHead ?? readHead
  const head: HeadReader = (record) => read(record, receivedAt)
  if (Array.isArray(value)) return parseBackfill(value, options.maxSamples ?? 10_000, head)
  if (!isRecord(value))
    return { code: 'invalid_shape', reason: `data must be ${SHAPES}, not ${typeName(value)}` }
  const sample = parseSample(value, head)
  if (typeof sample === 'string') return { code: 'invalid_shape', reason: sample }
  return { form: value.readings === undefined ? 'flat' : 'list', samples: [sample], refused: NONE }
}

function parseBackfill(
  items: readonly unknown[],
  maxSamples: number,
  head: HeadReader,
): ParsedData | DataRefusal {
  if (items.length === 0) return { code: 'no_samples', reason: 'the backfill is empty' }
  if (items.length > maxSamples) {
    const reason = `the backfill has ${items.length} samples; at most ${maxSamples} are taken at once: send it in parts`
    return { code: 'too_many_samples', reason }
  }
  const samples: RawSample[] = []
  const refused: RefusedItem[] = []
  items.forEach((item, index) => {
    const sample = isRecord(item)
      ? parseSample(item, head)
      : `a sample must be an object, not ${typeName(item)}`
    if (typeof sample === 'string') refused.push({ index, code: 'invalid_shape', reason: sample })
    else samples.push(sample)
  })
  return { form: 'backfill', samples, refused: refused.length === 0 ? NONE : refused }
}

/** The sample, or why it is none. */
function parseSample(record: Readonly<Record<string, unknown>>, head: HeadReader): RawSample | string {
  const { readings } = record
  const itsHead = head(record)
  if (readings === undefined) return { fields: record, ...itsHead }
  if (!Array.isArray(readings))
    return `"readings" must be an array of {"type", "value"}, not ${typeName(readings)}`
  // Without a prototype: a type named __proto__ is a name like any other.
  const fields: Record<string, unknown> = Object.create(null)
  // Readings beside the list count as well, so that nothing a device sends is lost.
  for (const name of Object.keys(record)) if (name !== 'readings') fields[name] = record[name]
  const listed = new Set<string>()
  const malformed: MalformedItem[] = []
  let misses = 0
  // Not `entries`, which a sparse array of a codec would have holes in.
  for (let index = 0; index < readings.length; index++) {
    const item: unknown = readings[index]
    const type = isRecord(item) && typeof item.type === 'string' ? item.type : null
    if (!isRecord(item) || type === null || item.value === undefined) {
      if (++misses <= MALFORMED_MAX)
        malformed.push({
          name: type,
          reason: `readings[${index}] must be {"type": <name>, "value": <value>}`,
        })
      continue
    }
    listed.add(type)
    // The last one of a name counts.
    fields[type] = item.value
  }
  const [first] = malformed
  if (first !== undefined && listed.size === 0 && Object.keys(fields).length === 0) return first.reason
  const repeated = listed.size + misses < readings.length
  return {
    fields,
    ...itsHead,
    ...(repeated && { flags: [...itsHead.flags, 'repeated_reading'] }),
    ...(malformed.length > 0 && { malformed }),
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
