import { randomBytes } from 'node:crypto'
import { type AnyDeviceType, DeviceHubError } from '@devicehub/core/definition'
import { compileSampleValidator } from '@devicehub/core/transport'
import { type BinaryForm, encodePlain } from './plain-value.js'

/** Time and id of a sample. */
export interface SampleOptions {
  /** When it was measured. Default: now. */
  readonly timestamp?: Date | undefined
  /**
   * Identity of the sample, 1 to 128 characters, unique for the device: sent twice, it is stored once. Default: 96
   * random bits.
   */
  readonly id?: string | undefined
}

/** Makes the flat object of the wire contract. `invalid_payload` for what the hub would reject or not know. */
export type SampleEncoder = (
  readings: Readonly<Record<string, unknown>>,
  options?: SampleOptions,
) => Record<string, unknown>

/** Without a type every JSON value goes; dates and bytes are written as for a type. */
export function createSampleEncoder(type: AnyDeviceType | null, binary: BinaryForm): SampleEncoder {
  const check = type === null ? checkNames : checkAgainst(type)
  const { timestampField = 'timestamp', sampleId = 'id' } = type?.options ?? {}
  return (readings, options = {}) => {
    const sample: Record<string, unknown> = {}
    for (const [name, value] of Object.entries(readings))
      if (value !== undefined) sample[name] = encodeValue(type, name, value, binary)
    check(sample)
    const timestamp = new Date(options.timestamp ?? Date.now()).toISOString()
    const id = options.id ?? randomBytes(12).toString('base64url')
    // A reading of that name says it already.
    if (timestampField !== false) sample[timestampField] ??= timestamp
    if (sampleId !== false) sample[sampleId] ??= id
    return sample
  }
}

/**
 * The hub's own check, so that both sides agree. Out of range passes: the hub flags, clamps or rejects it as the type
 * says. A name that is not declared does not: the hub would drop it without a word.
 */
function checkAgainst(type: AnyDeviceType): (sample: Record<string, unknown>) => void {
  const policies = {
    ...type.options,
    outOfRange: 'flag',
    unknownField: 'reject',
    badReading: 'reject',
  } as const
  const validate = compileSampleValidator({ ...type, options: policies })
  return (sample) => {
    const result = validate({ fields: sample, flags: [] })
    if ('code' in result)
      throw invalid(`a sample of ${type.name} cannot be sent: ${result.reason}`, { problem: result.code })
  }
}

function checkNames(sample: Record<string, unknown>): void {
  if (Object.keys(sample).length === 0) throw invalid('a sample needs at least one reading')
  const taken = ['timestamp', 'id'].find((name) => Object.hasOwn(sample, name))
  if (taken !== undefined) throw invalid(`'${taken}' is not a reading: give it as an option of record()`)
}

function encodeValue(type: AnyDeviceType | null, name: string, value: unknown, binary: BinaryForm): unknown {
  const kind = type !== null && Object.hasOwn(type.readings, name) ? type.readings[name]?.kind : undefined
  // Written as text, they would pass for a value of a string.
  const misplaced =
    (isOf(Date, value) && kind !== 'datetime') || (isOf(Uint8Array, value) && kind !== 'binary')
  if (kind !== undefined && misplaced)
    throw invalid(
      `the reading '${name}' is of kind ${kind} and takes no ${(value as object).constructor.name}`,
    )
  return encodePlain(value, `the reading '${name}'`, binary)
}

/** A proxy may throw when it is asked: then it is neither. */
function isOf(kind: typeof Date | typeof Uint8Array, value: unknown): boolean {
  try {
    return value instanceof kind
  } catch {
    return false
  }
}

const invalid = (message: string, details: Record<string, unknown> = {}) =>
  new DeviceHubError('invalid_payload', message, { details })
