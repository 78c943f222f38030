import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

/** Milliseconds. A program that hangs is found as well later, and one on a busy machine is not taken for it. */
const GIVE_UP = 180_000
const starter = fileURLToPath(new URL('start.mjs', import.meta.url))

export interface Run {
  /** The folder it is started in. */
  readonly cwd: string
  /** Lines of the shell that come before: `export NAME=value`. */
  readonly before: readonly string[]
  readonly command: readonly string[]
}

/**
 * Starts a program as a reader would. It is good when it ends by itself with 0, or has run to its last line and ends
 * with Ctrl-C, and nothing went wrong on the way. Returns what was wrong, null when nothing was.
 */
export async function runProgram({ cwd, before, command }: Run): Promise<string | null> {
  mkdirSync(cwd, { recursive: true })
  const shell = [...before, 'exec "$@"'].join('\n')
  const child = spawn('bash', ['-ec', shell, 'bash', ...command], {
    cwd,
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
  })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream?.on('data', (chunk) => (output += String(chunk)))
  child.once('message', () => child.kill('SIGINT'))
  const timer = setTimeout(() => child.kill('SIGKILL'), GIVE_UP)
  const problem = describe(...((await once(child, 'close')) as [number | null, string | null]))
  clearTimeout(timer)
  if (problem !== null) return `${problem}:\n${output}`
  return /"level":"(?:error|fatal)"/.test(output) ? `it logs an error:\n${output}` : null
}

function describe(code: number | null, signal: string | null): string | null {
  if (signal === 'SIGKILL')
    return `it is not at its end after ${GIVE_UP / 1000} s, or does not end with Ctrl-C`
  return code === 0 || signal === 'SIGINT' ? null : `it ends with ${code ?? signal}`
}

export const startProgram = (file: string): string[] => [process.execPath, starter, file]
