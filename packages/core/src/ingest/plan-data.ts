import { parseData, type RawSample } from '../codec/parse-data.js'
import { compileSampleValidator } from '../codec/validate-sample.js'
import type { AnyDeviceType, IngestPolicies } from '../device-type/device-type.js'
import type { NewSample } from '../ports/storage.js'
import { contentHash, nameSeeds } from './content-hash.js'
import type { Refusal } from './ingest.js'
import type { Content } from './planned-message.js'

/** What planning a sample needs to know of its message. */
export interface SampleContext {
  readonly deviceId: string
  readonly receivedAt: number
  readonly redelivered: boolean
}

export type DataPlanner = (value: unknown, context: SampleContext) => Content | Refusal

export interface DataPlannerOptions {
  readonly policies: IngestPolicies
  readonly maxSamples: number
}

/** Makes the rows of a `data` payload of one type. */
export function compileDataPlanner(
  type: AnyDeviceType,
  { policies, maxSamples }: DataPlannerOptions,
): DataPlanner {
  const validate = compileSampleValidator(type, policies)
  const seeds = nameSeeds(type.readingNames)
  const clockSkew = type.options.clockSkew ?? policies.clockSkew
  const [past, future] = [clockSkew.past * 1000, clockSkew.future * 1000]

  function planSample(
    raw: RawSample,
    { deviceId, receivedAt, redelivered }: SampleContext,
  ): NewSample | Refusal {
    const checked = validate(raw)
    if ('code' in checked) return checked
    const { timestamp: sent, id: sampleId } = raw
    let { flags } = checked
    if (sent === null) {
      // Nothing tells it from a second, equal measurement: stored, and marked as perhaps one too many (invariant 2).
      if (sampleId === null && redelivered) flags = [...flags, 'redelivered']
    } else if (sent < receivedAt - past || sent > receivedAt + future) flags = [...flags, 'clock_skew']
    return {
      deviceId,
      timestamp: sent ?? receivedAt,
      receivedAt,
      sampleId,
      contentHash: sampleId === null && sent !== null ? contentHash(seeds, checked.values) : null,
      flags: flags.length === 0 ? null : flags.join(' '),
      values: checked.values,
    }
  }

  /** One sample stands for its message: what refuses it refuses the message. */
  function planOne(raw: RawSample, context: SampleContext): Content | Refusal {
    const sample = planSample(raw, context)
    if ('code' in sample) return sample
    const at = Math.min(sample.timestamp, context.receivedAt)
    return { samples: [sample], news: null, at, flags: sample.flags, partial: null }
  }

  /** Stores what fits; refused samples are named in the audit row. A backfill of refused samples only is refused. */
  function planBackfill(
    raws: readonly RawSample[],
    refused: readonly Refusal[],
    context: SampleContext,
  ): Content | Refusal {
    const samples: NewSample[] = []
    const problems = [...refused]
    const flags = new Set<string>()
    let at = 0
    for (const raw of raws) {
      const sample = planSample(raw, context)
      if ('code' in sample) {
        problems.push(sample)
        continue
      }
      samples.push(sample)
      at = Math.max(at, Math.min(sample.timestamp, context.receivedAt))
      if (sample.flags !== null) for (const flag of sample.flags.split(' ')) flags.add(flag)
    }
    const [first] = problems
    if (samples.length === 0 && first !== undefined) return first
    if (first !== undefined) flags.add('partial')
    return {
      samples,
      news: null,
      at,
      flags: flags.size === 0 ? null : [...flags].join(' '),
      partial:
        first === undefined
          ? null
          : { code: 'partially_rejected', reason: summary(problems, samples.length) },
    }
  }

  return (value, context) => {
    const data = parseData(value, { maxSamples })
    if ('code' in data) return data
    const [only] = data.samples
    if (data.form !== 'backfill' && only !== undefined) return planOne(only, context)
    return planBackfill(data.samples, data.refused, context)
  }
}

function summary(problems: readonly Refusal[], stored: number): string {
  const reasons = problems
    .slice(0, 3)
    .map(({ reason }) => reason)
    .join('; ')
  return `${problems.length} of ${problems.length + stored} samples were refused: ${reasons}${problems.length > 3 ? '; ...' : ''}`
}
