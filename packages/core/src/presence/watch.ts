/**
 * A time during which somebody looked without a break. Silence counts from its beginning at the earliest: what was not
 * heard while nobody listened proves nothing. It goes on with another process, by the note of the lease.
 */
export interface Watch {
  readonly since: number
  /** When the last sweep ended. */
  readonly sweptAt: number
}

/** The watch at `now`: the former one, or a new one when it ended too long ago, or the clock stepped back. */
export function watchAt(former: Watch | null, now: number, maxGap: number): Watch {
  const goesOn = former !== null && former.sweptAt <= now && now - former.sweptAt <= maxGap
  return { since: goesOn ? former.since : now, sweptAt: now }
}

export const writeWatch = ({ since, sweptAt }: Watch): string => JSON.stringify({ since, sweptAt })

/** Null for a note that is none of ours. */
export function readWatch(note: string | null): Watch | null {
  try {
    const { since, sweptAt } = JSON.parse(note ?? '') as Partial<Watch>
    return Number.isFinite(since) && Number.isFinite(sweptAt) ? ({ since, sweptAt } as Watch) : null
  } catch {
    return null
  }
}
