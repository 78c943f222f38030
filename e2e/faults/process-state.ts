import { readFileSync } from 'node:fs'

/** As in `ps`: R runs, S sleeps, T is stopped. Null: there is no such process. Linux only. */
export function processState(pid: number): string | null {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[0] ?? null
  } catch {
    return null
  }
}
