import { readdirSync, readFileSync } from 'node:fs'

/** Of /proc: the same on every Linux that Node runs on. */
const TICKS_PER_SECOND = 100

/**
 * Microseconds of CPU that a process and all it started have used, those that ended included. Zero where there is no
 * /proc.
 */
export function cpuOfTree(root: number): number {
  const rows = process.platform === 'linux' ? readdirSync('/proc').flatMap(fromProc) : []
  const byPid = new Map(rows.map((row) => [row.pid, row]))
  const tree = byPid.has(root) ? [root] : []
  for (const pid of tree) for (const row of rows) if (row.parent === pid) tree.push(row.pid)
  const ticks = tree.reduce((sum, pid) => sum + (byPid.get(pid)?.ticks ?? 0), 0)
  return (ticks / TICKS_PER_SECOND) * 1e6
}

interface ProcessRow {
  readonly pid: number
  readonly parent: number
  /** With those of children that ended and were waited for. */
  readonly ticks: number
}

function fromProc(name: string): ProcessRow[] {
  if (!/^\d+$/.test(name)) return []
  try {
    const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
    // From the state on: the command name in brackets before it may hold anything, spaces and brackets too.
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = fields.slice(11, 15).reduce((sum, field) => sum + Number(field), 0)
    return [{ pid: Number(name), parent: Number(fields[1]), ticks }]
  } catch {
    // It has ended meanwhile.
    return []
  }
}
