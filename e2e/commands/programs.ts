import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { waitUntil } from '@devicehub/test-kit'

/** A program of a test, and what it has said. */
export interface Program extends AsyncDisposable {
  readonly lines: readonly string[]
  said(text: string): Promise<unknown>
  /** Waits until it is gone by itself: its exit code, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals | null>
  /** Ends it and waits until it is gone: its exit code, null when the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>
}

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

function run(command: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Program {
  const child: ChildProcess = spawn(command, args, {
    cwd: ROOT,
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const killWithParent = () => void child.kill('SIGKILL')
  process.once('exit', killWithParent)
  const exit = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  exit.finally(() => process.off('exit', killWithParent))
  const lines: string[] = []
  if (child.stdout) createInterface({ input: child.stdout }).on('line', (line) => lines.push(line))
  const end = async (signal: NodeJS.Signals) => {
    child.kill(signal)
    return (await exit)[0]
  }
  return {
    lines,
    said: (text) => waitUntil(`"${text}" of ${command}`, () => lines.some((line) => line.includes(text))),
    async ended() {
      const [code, signal] = await exit
      return signal ?? code
    },
    end,
    async [Symbol.asyncDispose]() {
      if (child.exitCode === null && child.signalCode === null) await end('SIGKILL')
    },
  }
}

/** A script on the sources, as a process of its own. */
export const startScript = (
  script: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
) => run(process.execPath, ['--import', 'tsx', fileURLToPath(new URL(script, import.meta.url)), ...args], env)

/** The example as its user starts it. */
export const startFirmware = (url: string, folder: string, protocolVersion: 4 | 5) =>
  startScript('../../examples/firmware/main.ts', [], {
    DEVICEHUB_URL: url,
    DATA_FOLDER: folder,
    MQTT_VERSION: String(protocolVersion),
  })

const versionOf = (protocolVersion: 4 | 5) => (protocolVersion === 5 ? 'mqttv5' : 'mqttv311')

/** Debian's mosquitto_sub with a session of its own; a JSON object a message. */
export const subscribe = (url: string, protocolVersion: 4 | 5, topic: string): Program =>
  run('mosquitto_sub', [
    ...['-p', new URL(url).port, '-V', versionOf(protocolVersion), '-q', '1', '-c', '-i', 'plain-device'],
    ...(protocolVersion === 5 ? ['-x', '3600'] : []),
    ...['-t', topic, '-F', '%j'],
  ])

export const publish = (
  url: string,
  protocolVersion: 4 | 5,
  topic: string,
  payload: string,
  more: readonly string[] = [],
) =>
  promisify(execFile)('mosquitto_pub', [
    ...['-p', new URL(url).port, '-V', versionOf(protocolVersion), '-q', '1'],
    ...['-t', topic, '-m', payload, ...more],
  ])
