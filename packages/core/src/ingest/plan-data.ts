import { parseData, type RawSample } from '../codec/parse-data.js'
import { parseTimestamp } from '../codec/parse-timestamp.js'
import { compileSampleValidator } from '../codec/validate-sample.js'
import type { AnyDeviceType, IngestPolicies } from '../device-type/device-type.js'
import type { NewSample } from '../ports/storage.js'
import type { InboundMessage } from '../ports/transport.js'
import { contentHash, nameSeeds } from './content-hash.js'
import type { Refusal } from './ingest.js'
import type { Content } from './planned-message.js'

export type DataPlanner = (value: unknown, message: InboundMessage, deviceId: string, receivedAt: number) => Content | Refusal

export interface DataPlannerOptions {
  readonly policies: IngestPolicies
  readonly maxSamples: number
}

/** The rows of a `data` payload of one type. */
export function compileDataPlanner(type: AnyDeviceType, { policies, maxSamples }: DataPlannerOptions): DataPlanner {
  const { outOfRange, unknownField, clockSkew } = { ...policies, ...type.options }
  const validate = compileSampleValidator(type, { outOfRange, unknownField })
  const seeds = nameSeeds(type.readingNames)
  const [past, future] = [clockSkew.past * 1000, clockSkew.future * 1000]

  function planSample(raw: RawSample, message: InboundMessage, deviceId: string, receivedAt: number): NewSample | Refusal {
    const checked = validate(raw)
    if ('code' in checked) return checked
    const sampleId = parseSampleId(raw.id)
    if (sampleId === undefined) return { code: 'invalid_id', reason: 'id must be text of 1 to 128 characters or a number' }
    const sent = raw.timestamp === undefined || raw.timestamp === null ? undefined : parseTimestamp(raw.timestamp)
    let { flags } = checked
    const flag = (name: string) => {
      if (flags === null) flags = [name]
      else flags.push(name)
    }
    if (sent === undefined) {
      if (raw.timestamp !== undefined && raw.timestamp !== null) flag('bad_timestamp')
      if (sampleId === null && message.redelivered === true) flag('redelivered')
    } else if (sent < receivedAt - past || sent > receivedAt + future) flag('clock_skew')
    return {
      deviceId,
      timestamp: sent ?? receivedAt,
      receivedAt,
      sampleId,
      contentHash: sampleId === null && sent !== undefined ? contentHash(seeds, checked.values) : null,
      flags: flags === null ? null : flags.join(' '),
      values: checked.values,
    }
  }

  /** One sample stands for its message: what refuses it refuses the message. */
  function planOne(raw: RawSample, message: InboundMessage, deviceId: string, receivedAt: number): Content | Refusal {
    const sample = planSample(raw, message, deviceId, receivedAt)
    if ('code' in sample) return sample
    return { samples: [sample], news: null, at: Math.min(sample.timestamp, receivedAt), flags: sample.flags, partial: null }
  }

  function planBackfill(raws: readonly RawSample[], message: InboundMessage, deviceId: string, receivedAt: number): Content | Refusal {
    const samples: NewSample[] = []
    const problems: string[] = []
    const flags = new Set<string>()
    let first: Refusal | null = null
    let at = 0
    raws.forEach((raw, index) => {
      const sample = planSample(raw, message, deviceId, receivedAt)
      if ('code' in sample) {
        first ??= sample
        problems.push(`${index}: ${sample.reason}`)
        return
      }
      samples.push(sample)
      at = Math.max(at, Math.min(sample.timestamp, receivedAt))
      if (sample.flags !== null) for (const name of sample.flags.split(' ')) flags.add(name)
    })
    if (samples.length === 0 && first !== null) return first
    if (problems.length > 0) flags.add('partial')
    const partial = problems.length === 0 ? null : { code: 'partially_rejected' as const, reason: summary(problems, raws.length) }
    return { samples, news: null, at, flags: flags.size === 0 ? null : [...flags].join(' '), partial }
  }

  return (value, message, deviceId, receivedAt) => {
    const data = parseData(value)
    if (typeof data === 'string') return { code: 'invalid_shape', reason: data }
    const { samples } = data
    if (samples.length > maxSamples) return { code: 'too_many_samples', reason: `the backfill has ${samples.length} samples; the hub takes ${maxSamples} (option maxSamples)` }
    const [only] = samples
    return only !== undefined && samples.length === 1 ? planOne(only, message, deviceId, receivedAt) : planBackfill(samples, message, deviceId, receivedAt)
  }
}

const summary = (problems: readonly string[], of: number) =>
  `${problems.length} of ${of} samples were refused; ${problems.slice(0, 3).join('; ')}${problems.length > 3 ? '; ...' : ''}`

/** Null: the sample has none. Undefined: what it has cannot be an id. */
function parseSampleId(id: unknown): string | null | undefined {
  if (id === undefined || id === null) return null
  if (typeof id === 'number') return Number.isFinite(id) ? String(id) : undefined
  return typeof id === 'string' && id.length >= 1 && id.length <= 128 && !CONTROL_OR_LONE_SURROGATE.test(id) ? id : undefined
}

const CONTROL_OR_LONE_SURROGATE = /[\p{Cc}\p{Cs}]/u
