import { parseArgs } from 'node:util'

export interface DemoOptions {
  /** Where the broker tries to listen first. */
  readonly port: number
  readonly database: string
  readonly devices: number
  /** Milliseconds until the demo ends by itself; null runs until Ctrl-C. */
  readonly duration: number | null
}

export const USAGE = `usage: pnpm demo [--port 1883] [--database devicehub-demo.db] [--devices 5] [--for 10s]`

export function readOptions(args: readonly string[]): DemoOptions {
  const { values } = parseArgs({
    // "pnpm demo -- --for 10s" hands the two dashes over as well.
    args: args.filter((arg) => arg !== '--'),
    options: {
      port: { type: 'string', default: '1883' },
      database: { type: 'string', default: 'devicehub-demo.db' },
      devices: { type: 'string', default: '5' },
      for: { type: 'string' },
    },
  })
  return {
    port: wholeNumber('--port', values.port, 1, 65_535),
    database: values.database,
    devices: wholeNumber('--devices', values.devices, 1, 1_000),
    duration: values.for === undefined ? null : duration(values.for),
  }
}

function wholeNumber(name: string, text: string, min: number, max: number): number {
  const value = Number(text)
  if (Number.isInteger(value) && value >= min && value <= max) return value
  throw new Error(`${name} must be a whole number from ${min} to ${max}, not "${text}"`)
}

function duration(text: string): number {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m)?$/.exec(text)
  if (match === null) throw new Error(`--for takes a duration such as 10s, 500ms or 2m, not "${text}"`)
  return Number(match[1]) * { ms: 1, s: 1000, m: 60_000 }[(match[2] ?? 's') as 'ms' | 's' | 'm']
}
