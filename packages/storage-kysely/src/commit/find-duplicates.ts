import type { AnyDeviceType } from '@devicehub/core'
import {
  type CommitBatch,
  judgeSample,
  type NewSample,
  type SampleVerdict,
  sampleContentKey,
  sampleIdKey,
} from '@devicehub/core/storage'
import type { Transaction } from '../connection/connection.js'
import type { KnownTypes } from './known-types.js'
import { reuseMark } from './reuse-mark.js'
import { type KnownId, lookUpContents, lookUpIds } from './stored-identities.js'

/** What was found of a batch's samples. */
export interface FoundSamples {
  /** Samples that were stored before, by entry; empty lists are left out. */
  readonly duplicates: ReadonlyMap<number, readonly number[]>
  /** Samples whose id was known with other content, by entry; empty lists are left out. */
  readonly reused: ReadonlyMap<number, readonly number[]>
  readonly isDuplicate: (entry: number, index: number) => boolean
  /** The value for the row's `sample_reuse`; 0: the next sample with its id violates the unique key. */
  readonly reuseOf: (entry: number, index: number) => number
  /** Stored samples whose id now belongs to a sample of this batch. */
  readonly replaced: ReadonlyMap<AnyDeviceType, readonly NewSample[]>
}

/**
 * Finds the samples of a batch that are stored already, in the table or earlier in the batch. Invariant 2: an id with
 * its content identifies a sample of its device; without an id, time and content do.
 *
 * The insert without a look-up relies on the unique key (device, id, `sample_reuse`): `sample_reuse` 0 makes every
 * sample of a known id violate it. Of several samples with one id, the last has 0, because retention deletes it last
 * (`keepFirst`: the first, so that no row changes where every sample is looked up anyway). The others have a mark of
 * their content.
 */
export async function findDuplicates(
  transaction: Transaction,
  known: KnownTypes,
  batch: CommitBatch,
  { keepFirst }: { readonly keepFirst: boolean },
): Promise<FoundSamples> {
  const judges = new Map<AnyDeviceType, Judge>()
  for (const [type, samples] of samplesByType(batch)) {
    const ids = await lookUpIds(transaction, known.shapeOf(type), type, samples)
    // A sample known by id and content needs no look-up by content.
    const others = samples.filter((one) => !ids.get(sampleIdKey(one))?.contents.has(one.contentHash))
    const contents = await lookUpContents(transaction, type, others)
    judges.set(type, new Judge(ids, contents))
  }
  const duplicates = new Map<number, number[]>()
  const reused = new Map<number, number[]>()
  batch.entries.forEach(({ type, samples }, entry) => {
    const judge = type ? judges.get(type) : undefined
    if (!judge) return
    samples.forEach((sample, index) => {
      const verdict = judge.judge(sample, entry, index)
      if (verdict !== 'new') push(verdict === 'duplicate' ? duplicates : reused, entry, index)
    })
  })
  const sets = new Map([...duplicates].map(([entry, indexes]) => [entry, new Set(indexes)]))
  const marks = new Map<string, number>()
  const replaced = new Map<AnyDeviceType, NewSample[]>()
  for (const [type, judge] of judges) replaced.set(type, judge.settle(marks, keepFirst))
  return {
    duplicates,
    reused,
    isDuplicate: (entry, index) => sets.get(entry)?.has(index) ?? false,
    reuseOf: (entry, index) => marks.get(place(entry, index)) ?? 0,
    replaced,
  }
}

const place = (entry: number, index: number) => `${entry} ${index}`

interface Stored {
  readonly at: string
  readonly sample: NewSample
}

class Judge {
  readonly #ids: Map<string, KnownId>
  readonly #contents: Set<string>
  /** Of this batch, by id. */
  readonly #stored = new Map<string, Stored[]>()

  constructor(ids: Map<string, KnownId>, contents: Set<string>) {
    this.#ids = ids
    this.#contents = contents
  }

  judge(sample: NewSample, entry: number, index: number): SampleVerdict {
    const { sampleId, contentHash } = sample
    const content = sampleContentKey(sample)
    const key = sampleIdKey(sample)
    const known = sampleId === null ? undefined : this.#ids.get(key)
    const verdict = judgeSample(sample, { content: this.#contents.has(content), id: known?.contents })
    if (verdict === 'duplicate' || known?.unhashed?.(sample)) return 'duplicate'
    if (contentHash !== null) this.#contents.add(content)
    if (sampleId === null) return verdict
    if (known) known.contents.add(contentHash)
    else this.#ids.set(key, { contents: new Set([contentHash]), isStored: false, unhashed: null })
    const stored = this.#stored.get(key) ?? []
    this.#stored.set(key, stored)
    stored.push({ at: place(entry, index), sample })
    return verdict
  }

  /** Sets the mark of each row of the batch. Returns the samples whose id a stored row still holds. */
  settle(marks: Map<string, number>, keepFirst: boolean): NewSample[] {
    const replaced: NewSample[] = []
    for (const [key, stored] of this.#stored) {
      const isStored = this.#ids.get(key)?.isStored ?? false
      const holder = keepFirst ? (isStored ? undefined : stored[0]) : stored.at(-1)
      for (const one of stored) if (one !== holder) marks.set(one.at, reuseMark(one.sample.contentHash))
      if (isStored && !keepFirst && holder) replaced.push(holder.sample)
    }
    return replaced
  }
}

function samplesByType({ entries }: CommitBatch): ReadonlyMap<AnyDeviceType, readonly NewSample[]> {
  const byType = new Map<AnyDeviceType, NewSample[]>()
  for (const { type, samples } of entries) {
    if (!type || samples.length === 0) continue
    const list = byType.get(type) ?? []
    byType.set(type, list)
    for (const sample of samples)
      if (sample.sampleId !== null || sample.contentHash !== null) list.push(sample)
  }
  return byType
}

function push(lists: Map<number, number[]>, entry: number, index: number): void {
  const list = lists.get(entry)
  if (list) list.push(index)
  else lists.set(entry, [index])
}
