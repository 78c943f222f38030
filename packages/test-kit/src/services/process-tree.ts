import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

interface ProcessRow {
  readonly pid: number
  readonly parent: number
  readonly state: string
}

/** The process and everything it started, itself first; zombies are left out. */
export function processTree(root: number): number[] {
  const rows = processes().filter((row) => !row.state.startsWith('Z'))
  const tree = rows.some((row) => row.pid === root) ? [root] : []
  for (const pid of tree) for (const row of rows) if (row.parent === pid) tree.push(row.pid)
  return tree
}

/** Whether the process runs: a zombie that nobody has waited for yet does not. */
export const isAlive = (pid: number): boolean => processTree(pid).length > 0

/** Sends a signal to each; one that is gone already is fine. */
export function signalAll(pids: readonly number[], signal: NodeJS.Signals): void {
  for (const pid of pids) {
    try {
      process.kill(pid, signal)
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
    }
  }
}

function processes(): ProcessRow[] {
  // Slim images have no `ps`; macOS has no /proc.
  if (process.platform === 'linux') return readdirSync('/proc').flatMap(fromProc)
  return execFileSync('ps', ['-A', '-o', 'pid=,ppid=,state='], { encoding: 'utf8' })
    .trim()
    .split('\n')
    .map((line) => {
      const [pid, parent, state] = line.trim().split(/\s+/)
      return { pid: Number(pid), parent: Number(parent), state: state ?? '' }
    })
}

function fromProc(name: string): ProcessRow[] {
  if (!/^\d+$/.test(name)) return []
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
    // The command name in brackets may hold anything, spaces and brackets too.
    const [state, parent] = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    return [{ pid: Number(name), parent: Number(parent), state: state ?? '' }]
  } catch {
    return []
  }
}
