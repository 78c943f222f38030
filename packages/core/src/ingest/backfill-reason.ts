import type { Refusal } from './ingest.js'

/** What is wrong with one item of a backfill, by its place in it. */
export interface ItemProblem {
  readonly index: number
  readonly reason: string
}

export interface RefusedSample extends ItemProblem, Refusal {}

const REASONS_SHOWN = 3
const INDEXES_SHOWN = 5

/** `[0, 7] temperature must be a finite number; [3] no reading was sent`: the first few reasons with their first few places. */
export function someProblems(problems: readonly ItemProblem[]): string {
  const byReason = new Map<string, number[]>()
  for (const { index, reason } of [...problems].sort((a, b) => a.index - b.index)) {
    const indexes = byReason.get(reason)
    if (indexes === undefined) byReason.set(reason, [index])
    else indexes.push(index)
  }
  const shown = [...byReason].slice(0, REASONS_SHOWN)
  const texts = shown.map(([reason, indexes]) => `[${some(indexes)}] ${reason}`)
  return `${texts.join('; ')}${byReason.size > REASONS_SHOWN ? '; ...' : ''}`
}

const some = (indexes: readonly number[]): string =>
  `${indexes.slice(0, INDEXES_SHOWN).join(', ')}${indexes.length > INDEXES_SHOWN ? ', ...' : ''}`
