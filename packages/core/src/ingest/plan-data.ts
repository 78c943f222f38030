import { type ParsedData, parseData, type RawSample } from '../model/codec/parse-data.js'
import { compileSampleValidator, type ValidSample } from '../model/codec/validate-sample.js'
import type { AnyDeviceType, IngestPolicies } from '../model/device-type/device-type.js'
import type { Field } from '../model/device-type/field.js'
import { firstNameOf } from '../model/device-type/former-names.js'
import type { NewSample } from '../ports/storage.js'
import { type ItemProblem, type RefusedSample, someProblems } from './backfill-reason.js'
import { contentHash, nameSeeds } from './content-hash.js'
import type { Refusal } from './ingest.js'
import { compileClaimJudge, headOf } from './sample-time.js'
import type { Content } from './taken-message.js'

/** What planning a sample needs to know of its message. */
export interface SampleContext {
  readonly deviceId: string
  readonly receivedAt: number
  /** By it samples without a time of their own are ordered. Default: `receivedAt`. */
  readonly orderAt?: number
  readonly redelivered: boolean
  /** The broker kept it and handed it out at the subscription: it says nothing of now, and comes again. */
  readonly retained: boolean
  /** A replay of a message of which samples are stored: what nothing identifies may be one of them. Default false. */
  readonly isPartlyStored?: boolean
}

export type DataPlanner = (value: unknown, context: SampleContext) => Content | Refusal

export interface DataPlannerOptions {
  readonly policies: IngestPolicies<number>
  readonly maxSamples: number
}

/** A sample as it is to be stored, and why readings of it are left out. */
interface PlannedSample {
  readonly sample: NewSample
  readonly time: Measured
  readonly problems: readonly string[]
}

/** When it was measured, as far as that can be told. */
interface Measured {
  readonly timestamp: number
  /** By it a sample is the latest one or not. */
  readonly orderAt: number
  /** The device's own, and it can be true: part of the sample's identity. */
  readonly isCredible: boolean
  readonly flag: string | null
}

const NONE: readonly string[] = Object.freeze([])
/** Before everything that came in live, whose order it must not disturb. */
const BEFORE_ALL = 0
const IMPOSSIBLE = 'impossible_time'

/** Makes the rows of a `data` payload of one type. */
export function compileDataPlanner(
  type: AnyDeviceType,
  { policies, maxSamples }: DataPlannerOptions,
): DataPlanner {
  const validate = compileSampleValidator(type, policies)
  const seeds = nameSeeds(type.readingNames.map((name) => firstNameOf(name, type.readings[name] as Field)))
  const claims = compileClaimJudge(type, policies)
  const impossibleTime = type.options.impossibleTime ?? policies.impossibleTime
  const parseOptions = { maxSamples, readHead: headOf(type, policies) }

  function measured(
    claimed: number | null,
    { receivedAt, orderAt: arrival = receivedAt }: SampleContext,
  ): Measured | null {
    const orderAt = arrival - receivedAt <= claims.ahead ? arrival : receivedAt
    if (claimed === null) return { timestamp: receivedAt, orderAt, isCredible: false, flag: null }
    if (claims.isPossible(claimed, receivedAt)) {
      const flag = claims.isOld(claimed, receivedAt) ? 'clock_skew' : null
      return { timestamp: claimed, orderAt: claimed, isCredible: true, flag }
    }
    if (impossibleTime === 'reject') return null
    const timestamp = impossibleTime === 'flag' ? claimed : receivedAt
    return { timestamp, orderAt, isCredible: false, flag: IMPOSSIBLE }
  }

  function planSample(raw: RawSample, context: SampleContext): PlannedSample | Refusal {
    const checked = validate(raw)
    if ('code' in checked) return checked
    const { deviceId, receivedAt, retained } = context
    const time = measured(raw.timestamp, context)
    if (time === null) return impossible(raw.timestamp as number)
    const { sampleId, contentHash } = identify(raw, checked, time, context)
    if (contentHash === null && context.isPartlyStored) return perhapsStored
    const flags = flagsOf(checked.flags, time, contentHash, context)
    const sample = {
      deviceId,
      timestamp: time.timestamp,
      orderAt: retained && !time.isCredible ? BEFORE_ALL : time.orderAt,
      receivedAt,
      sampleId,
      contentHash,
      flags: flags.length === 0 ? null : flags.join(' '),
      values: checked.values,
    }
    return { sample, time, problems: checked.problems ?? NONE }
  }

  /** Invariant 2. The claim is part of the content whether it can be true or not: a clock that starts at boot tells boots apart by nothing else. */
  function identify(
    { id, timestamp: claimed, fraction }: RawSample,
    { values }: ValidSample,
    { isCredible }: Measured,
    { retained }: SampleContext,
  ): Pick<NewSample, 'sampleId' | 'contentHash'> {
    if (id !== null) return { sampleId: id, contentHash: contentHash(seeds, values, claimed, id, fraction) }
    if (isCredible) return { sampleId: null, contentHash: contentHash(seeds, values, null, null, fraction) }
    if (!retained) return { sampleId: null, contentHash: null }
    // It comes again with every subscription, and nothing but its content tells that it is the same.
    const hash = contentHash(seeds, values, claimed, null, fraction)
    return { sampleId: `retained:${hash}`, contentHash: hash }
  }

  /** One sample stands for its message: what refuses it refuses the message. */
  function planOne(raw: RawSample, context: SampleContext): Content | Refusal {
    const planned = planSample(raw, context)
    if ('code' in planned) return planned
    const { sample, problems } = planned
    return {
      samples: [sample],
      ahead: claims.ahead,
      news: null,
      flags: sample.flags,
      partial:
        problems.length === 0
          ? null
          : { code: 'partially_rejected', reason: `readings were left out: ${some(problems)}` },
    }
  }

  /** Stores what fits; refused samples are named in the audit row. A backfill of refused samples only is refused. */
  function planBackfill({ samples: raws, refused }: ParsedData, context: SampleContext): Content | Refusal {
    const planned: PlannedSample[] = []
    const refusals: RefusedSample[] = [...refused]
    const problems: ItemProblem[] = []
    const places = placesBeside(refused)
    for (const raw of raws) {
      const index = places.next()
      // Now is when it was sent, not when it was measured.
      const one = raw.flags.includes('bad_timestamp') ? unreadableTime : planSample(raw, context)
      if ('code' in one) refusals.push({ ...one, index })
      else {
        planned.push(one)
        for (const reason of one.problems) problems.push({ index, reason })
      }
    }
    const [first] = refusals
    if (planned.length === 0 && first !== undefined) return allRefused(refusals, first)
    const flags = new Set(planned.flatMap(({ sample }) => sample.flags?.split(' ') ?? []))
    const reasons: string[] = []
    if (refusals.length > 0) {
      flags.add('partial')
      const of = refusals.length + planned.length
      reasons.push(`${refusals.length} of ${of} samples were refused: ${someProblems(refusals)}`)
    }
    if (problems.length > 0) reasons.push(`readings were left out: ${someProblems(problems)}`)
    return {
      samples: behindCredible(planned),
      ahead: claims.ahead,
      news: null,
      flags: flags.size === 0 ? null : [...flags].join(' '),
      partial: reasons.length === 0 ? null : { code: 'partially_rejected', reason: reasons.join('. ') },
    }
  }

  return (value, context) => {
    const data = parseData(value, parseOptions, context.receivedAt)
    if ('code' in data) return data
    const [only] = data.samples
    if (data.form !== 'backfill' && only !== undefined) return planOne(only, context)
    return planBackfill(data, context)
  }
}

/** The places in the message of the samples that are left beside those that are none. */
function placesBeside(refused: ParsedData['refused']): { next(): number } {
  const taken = new Set(refused.map(({ index }) => index))
  let at = -1
  return {
    next() {
      do at++
      while (taken.has(at))
      return at
    },
  }
}

/**
 * A device that boots without the time and gets it later sends both in one message. What claims a time that cannot be
 * true is then ordered before all that is credible beside it, wherever it stands: when it was measured nobody knows, but
 * it is not the latest.
 */
function behindCredible(planned: readonly PlannedSample[]): NewSample[] {
  let earliest = Number.POSITIVE_INFINITY
  for (const { time } of planned) if (time.isCredible) earliest = Math.min(earliest, time.orderAt)
  const orderAt = Math.max(BEFORE_ALL, earliest - 1)
  return planned.map(({ sample, time }) =>
    time.flag === IMPOSSIBLE && sample.orderAt > orderAt ? { ...sample, orderAt } : sample,
  )
}

function flagsOf(
  flags: readonly string[],
  time: Measured,
  contentHash: number | null,
  { redelivered, retained }: SampleContext,
): readonly string[] {
  // Nothing tells it from a second, equal measurement: stored, and marked as perhaps one too many (invariant 2).
  const perhapsTwice = redelivered && contentHash === null
  if (time.flag === null && !perhapsTwice && !retained) return flags
  return [
    ...flags,
    ...(time.flag === null ? NONE : [time.flag]),
    ...(perhapsTwice ? ['redelivered'] : NONE),
    ...(retained ? ['retained'] : NONE),
  ]
}

const unreadableTime: Refusal = {
  code: 'bad_timestamp',
  reason: 'the time of the sample cannot be read, so that nobody knows when it was measured',
}

const perhapsStored: Refusal = {
  code: 'perhaps_stored',
  reason:
    'the sample has neither an id nor a time that can be true: nothing tells whether it was stored before the replay',
}

const impossible = (claimed: number): Refusal => ({
  code: 'impossible_time',
  reason: `the sample claims to be of ${new Date(claimed).toISOString()}, which cannot be true`,
})

const allRefused = (refusals: readonly RefusedSample[], { code, reason }: Refusal): Refusal =>
  refusals.length === 1
    ? { code, reason }
    : { code, reason: `all ${refusals.length} samples were refused: ${someProblems(refusals)}` }

const SHOWN = 3

const some = (reasons: readonly string[]): string =>
  `${reasons.slice(0, SHOWN).join('; ')}${reasons.length > SHOWN ? '; ...' : ''}`
