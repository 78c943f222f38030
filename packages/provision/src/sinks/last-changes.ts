import type { SinkChange } from './credential-sink.js'

export type SetChange = Extract<SinkChange, { kind: 'set' }>

/** Of several changes of one user only the last counts: what is left can be done in any order. */
export function lastChanges(changes: readonly SinkChange[]): { sets: SetChange[]; removes: string[] } {
  const last = new Map<string, SinkChange>()
  for (const change of changes) last.set(usernameOf(change), change)
  const sets: SetChange[] = []
  const removes: string[] = []
  for (const change of last.values())
    change.kind === 'set' ? sets.push(change) : removes.push(change.username)
  return { sets, removes }
}

export const usernameOf = (change: SinkChange): string =>
  change.kind === 'set' ? change.device.username : change.username
