import { execFileSync } from 'node:child_process'

/** The user a server runs as when the tests run as root; spread into the options of `spawn`. */
export interface RunAs {
  readonly uid: number
  readonly gid: number
}

/** The first of these users that exists, when this process is root; else undefined: run as who we are. */
export function unprivilegedUser(...names: readonly string[]): RunAs | undefined {
  if (process.getuid?.() !== 0) return undefined
  for (const name of [...names, 'nobody']) {
    try {
      const id = (flag: string) =>
        Number(execFileSync('id', [flag, name], { stdio: ['ignore', 'pipe', 'ignore'] }))
      return { uid: id('-u'), gid: id('-g') }
    } catch {
      // No such user here.
    }
  }
  return undefined
}
