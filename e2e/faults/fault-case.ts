import { storedSequences, type Target } from './database.js'

/** What a case injected, what was seen of it, and what became of the messages. */
export interface CaseResult {
  readonly name: string
  /** Faults that were caused. */
  readonly injected: number
  /** Of these, how many left their mark in a counter of the other side. */
  readonly observed: number
  /** Messages that the broker (or the hub) confirmed. */
  readonly acknowledged: number
  /** Confirmed and not stored. */
  readonly lost: number
  /** Stored more than once. */
  readonly duplicated: number
  /** Stored and never sent. */
  readonly unexpected: number
  /** Broken rules that no message shows; `details` says which. */
  readonly violations?: number
  /** Further figures of the case. */
  readonly details?: Readonly<Record<string, unknown>>
}

export interface FaultContext {
  readonly quick: boolean
  readonly say: (line: string) => void
}

export interface FaultCase {
  readonly name: string
  run(context: FaultContext): Promise<Omit<CaseResult, 'name'>>
}

/** Compares the ledger with the table. `sent` are all keys that were ever published. */
export async function compare(target: Target, acknowledged: Iterable<string>, sent: number) {
  const counts = new Map<string, number>()
  for (const sequence of await storedSequences(target)) counts.set(sequence, (counts.get(sequence) ?? 0) + 1)
  let lost = 0
  let confirmed = 0
  for (const key of acknowledged) {
    confirmed++
    if (!counts.has(key)) lost++
  }
  let duplicated = 0
  let unexpected = 0
  for (const [key, count] of counts) {
    duplicated += count - 1
    if (!(Number(key) >= 0 && Number(key) < sent)) unexpected++
  }
  return { acknowledged: confirmed, lost, duplicated, unexpected }
}
