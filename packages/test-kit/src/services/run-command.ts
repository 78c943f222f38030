import { spawn } from 'node:child_process'
import { DeviceHubError } from '@devicehub/core'
import type { RunAs } from './run-as.js'

export interface CommandOptions {
  readonly runAs?: RunAs | undefined
  readonly cwd?: string
  readonly input?: string
  readonly env?: NodeJS.ProcessEnv
}

/** Runs a program to its end and returns its standard output; throws with its last lines when it fails. */
export function runCommand(
  file: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(file, args, {
      cwd: options.cwd,
      env: options.env ?? process.env,
      stdio: 'pipe',
      ...options.runAs,
    })
    const output: Buffer[] = []
    const errors: Buffer[] = []
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk))
    child.stderr.on('data', (chunk: Buffer) => errors.push(chunk))
    // A program that does not read its input closes the pipe: its exit code says whether that is an error.
    child.stdin.on('error', () => {})
    child.stdin.end(options.input)
    child.on('error', (cause) => reject(failed(file, args, cause.message, cause)))
    child.on('close', (code, signal) => {
      const text = Buffer.concat(output).toString()
      if (code === 0) resolve(text)
      else reject(failed(file, args, `${signal ?? `exit code ${code}`}: ${Buffer.concat(errors)}${text}`))
    })
  })
}

function failed(file: string, args: readonly string[], reason: string, cause?: unknown): DeviceHubError {
  const message = `${file} ${args.join(' ')} failed: ${reason.slice(-2000).trim()}`
  return new DeviceHubError('transport_unavailable', message, { cause })
}
