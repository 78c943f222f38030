import { trusting } from '../model/check/trusting.js'
import type { NewSample } from '../ports/commit.js'

type Id = Pick<NewSample, 'deviceId' | 'sampleId'>
type Content = Pick<NewSample, 'deviceId' | 'timestamp' | 'contentHash'>
type Identity = Id & Content

/** A device's sample by the id it carries. */
export const sampleIdKey = ({ deviceId, sampleId }: Id): string => `${deviceId.length}.${deviceId}${sampleId}`

/** A device's sample by its measured time and its content. */
export const sampleContentKey = ({ deviceId, timestamp, contentHash }: Content): string =>
  `${timestamp}.${contentHash}.${deviceId}`

/** `duplicate`: it is stored already. `reused`: another one of its id is; it is stored too, and flagged. */
export type SampleVerdict = 'new' | 'duplicate' | 'reused'

/** What is stored of a sample's identity. */
export interface KnownIdentity {
  /** One of the same device, time and content is. */
  readonly content: boolean
  /** The content hashes of those with its id on its device; undefined: there is none. */
  readonly id: { has(contentHash: number | null): boolean } | undefined
}

/**
 * Invariant 2: an id with its content identifies a sample of its device; without an id, time and content do. One with
 * neither an id nor a content hash is always new.
 */
export function judgeSample(
  { sampleId, contentHash }: Pick<NewSample, 'sampleId' | 'contentHash'>,
  { content, id }: KnownIdentity,
): SampleVerdict {
  if (contentHash !== null && content) return 'duplicate'
  if (sampleId === null || id === undefined) return 'new'
  return id.has(contentHash) ? 'duplicate' : 'reused'
}

const A_SAMPLE = 'a sample'

/** The identities of the samples of one type, for a storage that has them in memory. */
export interface SampleIndex {
  /** What is known of a sample's identity, for `judgeSample`. */
  find(sample: Identity): KnownIdentity
  /** Remembers a stored sample. */
  add(sample: Identity): void
  /** Forgets a sample that was deleted. */
  remove(sample: Identity): void
}

/** An empty index. */
export function createSampleIndex(): SampleIndex {
  const contents = new Set<string>()
  const ids = new Map<string, Set<number | null>>()
  return {
    find: trusting('index.find', A_SAMPLE, (sample: Identity) => ({
      content: contents.has(sampleContentKey(sample)),
      id: sample.sampleId === null ? undefined : ids.get(sampleIdKey(sample)),
    })),
    add: trusting('index.add', A_SAMPLE, (sample: Identity) => {
      if (sample.contentHash !== null) contents.add(sampleContentKey(sample))
      if (sample.sampleId === null) return
      const key = sampleIdKey(sample)
      ids.set(key, (ids.get(key) ?? new Set()).add(sample.contentHash))
    }),
    remove: trusting('index.remove', A_SAMPLE, (sample: Identity) => {
      contents.delete(sampleContentKey(sample))
      if (sample.sampleId === null) return
      const key = sampleIdKey(sample)
      const hashes = ids.get(key)
      hashes?.delete(sample.contentHash)
      if (hashes?.size === 0) ids.delete(key)
    }),
  }
}
