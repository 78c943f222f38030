import type { Target } from './database.js'
import { compare } from './fault-case.js'

/** Waits until nothing that was acknowledged is missing, or the table has not grown for `quiet` milliseconds: then what is missing is lost. */
export async function drained(
  target: Target,
  acknowledged: ReadonlySet<string>,
  sent: number,
  quiet = 30_000,
) {
  let missing = Number.POSITIVE_INFINITY
  for (let since = Date.now(); ; ) {
    const result = await compare(target, acknowledged, sent)
    if (result.lost === 0) return result
    if (result.lost < missing) since = Date.now()
    missing = Math.min(missing, result.lost)
    if (Date.now() - since > quiet) return result
    await new Promise((resolve) => setTimeout(resolve, 250))
  }
}
