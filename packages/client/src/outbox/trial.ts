import type { Outbox } from './outbox.js'
import type { StoredRecord } from './record-format.js'
import type { StoredBatch } from './segment-reader.js'

export interface TrialOptions {
  readonly outbox: Outbox
  readonly maxBytes: number
  readonly publish: (bodies: readonly Buffer[], maxLosses?: number) => Promise<void>
}

/**
 * Whether a sample is to blame for lost connections, or the broker and the network are: only where another one gets through
 * before and after it, again and again. Without another one that gets through nobody is blamed.
 */
export interface Trial {
  /** A sample is under suspicion: it is sent alone. */
  readonly isOpen: boolean
  /** How many lost connections decide about this batch; undefined: the usual number. */
  maxLosses(batch: StoredBatch): number | undefined
  delivered(batch: StoredBatch): void
  /**
   * Asked when connections were lost with the sample, which was given back. `unknown`: nothing gets through. `again`: it has
   * to be sent again to tell.
   */
  judge(sample: StoredRecord): Promise<'guilty' | 'again' | 'unknown'>
}

/** Times another one must get through between losses of the sample: a broker that comes and goes passes some by chance. */
const TIMES = 3
/** Samples behind the suspect that are taken for the comparison, one after the other: some may be like it. */
const OTHERS_MAX = 16

export function createTrial({ outbox, maxBytes, publish }: TrialOptions): Trial {
  let suspect: number | null = null
  let gotThrough = 0
  let turn = 0
  /** It got through before: sent again it does no harm, its id tells that it is the same. */
  let known: Buffer | null = null

  /** Another sample: the last that was delivered, else one of those that wait behind it. */
  async function another(sample: StoredRecord): Promise<Buffer | null> {
    if (known !== null) return known
    // Room for the next one behind a sample that fills a message by itself.
    const room = sample.body.byteLength + maxBytes
    const bounds = { maxSamples: OTHERS_MAX, maxBytes: room }
    const batch = await outbox.read(bounds)
    if (batch === null) return null
    outbox.giveBack(batch)
    let others = batch.records.filter(({ sequence }) => sequence !== sample.sequence)
    // A batch ends with its file, and the sample may be the last in it.
    if (others.length === 0) others = [...(await outbox.readBehind(bounds))]
    return others[turn++ % Math.max(1, others.length)]?.body ?? null
  }

  async function anotherGetsThrough(sample: StoredRecord): Promise<boolean> {
    try {
      const body = await another(sample)
      if (body === null) return false
      await publish([body], 1)
      return true
    } catch {
      return false
    }
  }

  return {
    get isOpen() {
      return suspect !== null
    },
    maxLosses: (batch) => (suspect !== null && suspect === batch.records[0]?.sequence ? 1 : undefined),
    delivered(batch) {
      suspect = null
      known = batch.records.at(-1)?.body ?? known
    },
    async judge(sample) {
      if (suspect !== sample.sequence) gotThrough = 0
      suspect = sample.sequence
      if (!(await anotherGetsThrough(sample))) {
        gotThrough = 0
        return 'unknown'
      }
      if (++gotThrough < TIMES) return 'again'
      suspect = null
      return 'guilty'
    },
  }
}
