import { toLine } from '../model/codec/text.js'
import type { NewMessage } from '../model/message.js'
import type { NewSample } from '../ports/commit.js'
import { ID_REUSED, withFlag } from './record-outcome.js'

/** What became of a message's samples: indexes of those that were stored before, and of those whose id was known with other content. */
export interface SampleOutcomes {
  /** Undefined: none. */
  readonly duplicates: readonly number[] | undefined
  /** Undefined: none. */
  readonly reused: readonly number[] | undefined
}

const SHOWN = 3
const ID_SHOWN = 60

/**
 * The audit row of a message once it is known what became of its samples: a `duplicate` when all of them were stored
 * before; of each that was the reason says by what it was known. Shared by every storage.
 */
export function withSampleOutcomes(
  message: NewMessage,
  samples: readonly NewSample[],
  { duplicates = [], reused = [] }: SampleOutcomes,
): NewMessage {
  const flagged = reused.length > 0 ? { ...message, flags: withFlag(message.flags, ID_REUSED) } : message
  if (duplicates.length === 0) return flagged
  const reason = duplicateReason(samples, duplicates)
  return {
    ...flagged,
    status: duplicates.length === samples.length ? 'duplicate' : message.status,
    reason: message.reason === null ? reason : `${message.reason}. ${reason}`,
  }
}

/** `2 of 12 samples were stored before: the same content under the id "a"; ...`. */
export function duplicateReason(samples: readonly NewSample[], duplicates: readonly number[]): string {
  const shown = duplicates.slice(0, SHOWN).map((index) => knownBy(samples, index))
  const which =
    samples.length === 1 ? 'the sample was' : `${duplicates.length} of ${samples.length} samples were`
  return `${which} stored before, with the same content and ${shown.join('; ')}${duplicates.length > SHOWN ? '; ...' : ''}`
}

function knownBy(samples: readonly NewSample[], index: number): string {
  const sample = samples[index] as NewSample
  const { sampleId, timestamp } = sample
  const by = sampleId === null ? `the time ${timeText(timestamp)}` : `the id "${toLine(sampleId, ID_SHOWN)}"`
  const isTwice = samples.findIndex((other) => isSame(sample, other)) < index
  return isTwice ? `${by} (twice in this message)` : by
}

const isSame = (a: NewSample, b: NewSample): boolean =>
  a.contentHash === b.contentHash &&
  a.sampleId === b.sampleId &&
  (a.sampleId !== null || a.timestamp === b.timestamp)

/** A storage can be handed any number. */
const timeText = (time: number): string =>
  Math.abs(time) <= 8.64e15 ? new Date(time).toISOString() : String(time)
