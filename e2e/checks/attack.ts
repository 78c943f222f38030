import { ERROR_CODES, isDeviceHubError } from '@devicehub/core'
import fc from 'fast-check'
import { NAMED, OWN_ERRORS } from './hostile-values.js'
import type { SampleCall } from './sample-call.js'
import { type Spoiling, spoil, spoiling } from './spoil.js'
import type { FoundFunction } from './walk-functions.js'

/** The same calls in each run; another seed, or that of a failure: `CHECKS_SEED=5`. */
export const SEED = Number(process.env.CHECKS_SEED ?? 20_260_731)

/** More calls of each function than the usual ones: `CHECKS_TIMES=10`. */
const TIMES = Number(process.env.CHECKS_TIMES ?? 1)

const PATIENCE_MS = 5_000

export interface Attack {
  /** Calls that wait for what a sample says they may; they settle when the world is closed. */
  readonly waiting: Promise<unknown>[]
  readonly runs: number
  /** Each argument with each hostile value as well: what chance leaves out. */
  readonly everyArgument?: boolean
}

/** Calls a function with what is no argument of it: each call gives a result or a `DeviceHubError`, and ends. */
export async function attackFunction(
  name: string,
  { run }: FoundFunction,
  sample: SampleCall,
  { waiting, runs, everyArgument = false }: Attack,
): Promise<void> {
  const call = async (how: Spoiling) => {
    const args = spoil(sample.args(), how)
    const problem = await callOnce(() => run(...args), sample, waiting, args)
    if (problem !== null) throw new Error(`${name}(${show(how)}) ${problem}`)
  }
  if (everyArgument)
    for (const index of sample.args().keys())
      for (const value of NAMED) await call({ how: 'argument', index, value })
  const property = fc.asyncProperty(spoiling, call)
  // What a call changed cannot be undone, so a failure is not made smaller: it names the call.
  const details = await fc.check(property, {
    seed: SEED,
    numRuns: TIMES * Math.min(runs, sample.runs ?? runs),
    endOnFailure: true,
  })
  if (details.failed) throw details.errorInstance ?? new Error(`${name} failed: seed ${details.seed}`)
}

/** Null: it gave a result or a `DeviceHubError`. */
export async function callOnce(
  run: () => unknown,
  { waits, iterates }: SampleCall,
  waiting: Promise<unknown>[],
  args: readonly unknown[] = [],
): Promise<string | null> {
  try {
    const result = run()
    // Given back as it came: it is the test's, and may throw when it is looked at.
    if (args.includes(result)) return null
    // Awaiting anything else would read it, and it may be one of the hostile values.
    if (!isPromise(result)) {
      await release(result)
      return null
    }
    const ended = settled(result)
    const outcome = await within(ended, waits === undefined ? PATIENCE_MS : 5)
    if (outcome === 'late') {
      if (waits === undefined) return `has not ended after ${PATIENCE_MS} ms`
      waiting.push(ended)
      return null
    }
    if (outcome.error !== undefined) return judge(outcome.error)
    if (!args.includes(outcome.value)) await release(outcome.value)
    return null
  } catch (error) {
    return judge(error)
  }
  function judge(error: unknown): string | null {
    // Documented: the reason of the caller's own signal.
    if (error instanceof DOMException) return null
    if (iterates === true && error instanceof Error && OWN_ERRORS.includes(error.message)) return null
    if (!isDeviceHubError(error)) return `threw ${describe(error)}`
    if (!Object.hasOwn(ERROR_CODES, error.code)) return `has an unknown code ${String(error.code)}`
    if (error.message === '') return 'has an error without a message'
    return null
  }
}

function isPromise(value: unknown): boolean {
  try {
    return value instanceof Promise
  } catch {
    return false
  }
}

interface Outcome {
  readonly value?: unknown
  readonly error?: unknown
}

const settled = async (result: unknown): Promise<Outcome> => {
  try {
    return { value: await result }
  } catch (error) {
    return { error: error ?? new Error('rejected with nothing') }
  }
}

async function within<T>(promise: Promise<T>, milliseconds: number): Promise<T | 'late'> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(resolve, milliseconds, 'late')
  })
  try {
    return await Promise.race([promise, late])
  } finally {
    clearTimeout(timer)
  }
}

const ENDS = ['close', 'stop', 'end', 'release', 'return', 'abandon', 'destroy'] as const

/** Ends what a call began: a consumer, an iterator, a subscription. */
async function release(value: unknown): Promise<void> {
  try {
    await end(value)
  } catch {
    // A hostile value that was given back inside of another one.
  }
}

async function end(value: unknown): Promise<void> {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return
  for (const name of ENDS) {
    const method = (value as Record<string, unknown>)[name]
    if (typeof method === 'function')
      return void (await within(settled(Reflect.apply(method, value, [])), 2_000))
  }
  // A way to undo what was done.
  if (typeof value === 'function' && value.length === 0) await settled(Reflect.apply(value, undefined, []))
}

function describe(error: unknown): string {
  try {
    const { stack } = error as Error
    return String(stack ?? error)
      .split('\n')
      .slice(0, 6)
      .join('\n')
  } catch {
    return 'something that has no text'
  }
}

function show(how: Spoiling): string {
  const shown = { ...how, ...('value' in how ? { value: how.value.name } : {}) }
  if (how.how === 'random') return `random: ${how.args.map(({ name }) => name).join(', ')}`
  return JSON.stringify(shown)
}
