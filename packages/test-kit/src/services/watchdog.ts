import { type ChildProcess, spawn } from 'node:child_process'

// Its standard input is a pipe from the tests. However they end, by SIGKILL too, the pipe closes: then it kills
// what the file still names and removes the folder. A negative id is a whole process group.
const SCRIPT = `cat >/dev/null
[ -f "$1" ] && for pid in $(cat "$1"); do kill -KILL "$pid" 2>/dev/null; done
while ! rm -rf "$2" 2>/dev/null; do sleep 0.1; done`

/** Starts the guard of one folder. `release()` makes it remove the folder, and resolves when it has. */
export function startWatchdog(pidFile: string, folder: string): { release(): Promise<void> } {
  const guard: ChildProcess = spawn('/bin/sh', ['-c', SCRIPT, 'watchdog', pidFile, folder], {
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
    release() {
      guard.ref()
      guard.stdin?.end()
      return ended
    },
  }
}
