import { type ChildProcess, spawn } from 'node:child_process'

// Standard input is a pipe from the test process. Each line replaces the list of processes to kill; a negative id is
// a process group. When the test process ends, even by SIGKILL, the pipe closes: then the script kills them and
// removes the folder. The list is in the pipe, not in a file, because the temporary folder may be emptied meanwhile.
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
