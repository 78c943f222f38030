import { readFileSync } from 'node:fs'

export interface ClientLedger {
  /** Samples that were handed to `record()`: all numbers below. */
  readonly measured: number
  /** Numbers of those that `record()` confirmed. */
  readonly confirmed: ReadonlySet<string>
}

/** Reads what the client's processes wrote down: a line a sample before `record()`, another when it was confirmed. */
export function readClientLedger(file: string): ClientLedger {
  const confirmed = new Set<string>()
  let measured = 0
  const lines = readFileSync(file, 'utf8').split('\n')
  // Behind the last line break is nothing, or the half of a line.
  for (const line of lines.slice(0, -1)) {
    const [what, number = ''] = line.split(' ')
    if (what === 'c') confirmed.add(number)
    else measured = Math.max(measured, Number(number) + 1)
  }
  return { measured, confirmed }
}
