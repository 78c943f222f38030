import { type ChildProcess, spawn } from 'node:child_process'

// Its standard input is a pipe from the tests: each line names all the processes to kill from then on, a negative id
// a whole process group. However the tests end, by SIGKILL too, the pipe closes: then it kills them and removes the
// folder. The names are in the pipe, not in a file, for somebody may empty the temporary folder meanwhile.
const SCRIPT = `pids=
while read -r line; do pids=$line; done
for pid in $pids; do kill -KILL "$pid" 2>/dev/null; done
while ! rm -rf "$1" 2>/dev/null; do sleep 0.1; done`

export interface Watchdog {
  /** From now on these are killed when the tests end; a negative id is a process group. */
  watch(pids: readonly number[]): void
  /** Makes it kill what it watches and remove the folder now; resolves when it has. */
  release(): Promise<void>
}

/** Starts the guard of one service's folder and processes. */
export function startWatchdog(folder: string): Watchdog {
  const guard: ChildProcess = spawn('/bin/sh', ['-c', SCRIPT, 'watchdog', folder], {
    cwd: '/',
    detached: true,
    stdio: ['pipe', 'ignore', 'ignore'],
  })
  guard.stdin?.on('error', () => {})
  const ended = new Promise<void>((resolve) => {
    guard.on('exit', () => resolve())
    guard.on('error', () => resolve())
  })
  guard.unref()
  ;(guard.stdin as { unref?: () => void } | null)?.unref?.()
  return {
    watch: (pids) => void guard.stdin?.write(`${pids.join(' ')}\n`),
    release() {
      guard.ref()
      guard.stdin?.end()
      return ended
    },
  }
}
