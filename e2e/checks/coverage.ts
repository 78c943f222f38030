import { expect } from 'vitest'
import { type Attack, attackFunction, callOnce } from './attack.js'
import { type Coverage, isExcluded } from './sample-call.js'
import { type FoundFunction, functionsOf } from './walk-functions.js'

/** A module or a handle with public functions, and how each of them is called. */
export interface Subject {
  readonly name: string
  readonly target: object
  readonly calls: Coverage
  /** How deep its groups are: 1 for `hub.devices.list`. */
  readonly depth?: number
  /** Groups that are subjects of their own, or somebody else's. */
  readonly elsewhere?: readonly string[]
}

const allOf = ({ target, depth = 1, elsewhere = [] }: Subject): FoundFunction[] =>
  functionsOf(target, depth).filter(({ name }) => !elsewhere.some((group) => name.startsWith(`${group}.`)))

/** Each function has a sample call or a reason why not, and there is none of a function that is gone. */
export function assertCovered(subject: Subject): number {
  const found = allOf(subject).map(({ name }) => name)
  const missing = found.filter((name) => !Object.hasOwn(subject.calls, name))
  const stale = Object.keys(subject.calls).filter((name) => !found.includes(name))
  expect(
    { missing, stale },
    `${subject.name}: describe it in e2e/checks/calls, or say there why it is left out`,
  ).toEqual({
    missing: [],
    stale: [],
  })
  return found.filter((name) => !isExcluded(subject.calls[name] as Coverage[string])).length
}

/** Methods that end what the others need come last. */
const LAST = /(^|\.)(\[Symbol\.asyncDispose\]|\[Symbol\.dispose\]|close|stop|destroy|release|abandon)$/

export async function attack(subject: Subject, options: Attack): Promise<string[]> {
  const functions = allOf(subject).sort((a, b) => Number(LAST.test(a.name)) - Number(LAST.test(b.name)))
  const problems: string[] = []
  for (const found of functions) {
    const sample = subject.calls[found.name]
    if (sample === undefined || isExcluded(sample)) continue
    try {
      await attackFunction(`${subject.name}: ${found.name}`, found, sample, options)
    } catch (error) {
      problems.push((error as Error).message)
    }
  }
  return problems
}

/** What a right call gives back is covered too, if it has functions: names of those that are not. */
export async function handlesWithoutCoverage(
  subject: Subject,
  covered: ReadonlySet<string>,
  waiting: Promise<unknown>[],
): Promise<string[]> {
  const problems: string[] = []
  for (const { name, run } of allOf(subject)) {
    const sample = subject.calls[name]
    if (sample === undefined || isExcluded(sample) || sample.refusedOnly || LAST.test(name)) continue
    const seen: unknown[] = []
    const args = sample.args()
    const problem = await callOnce(
      () => {
        const result = run(...args)
        void Promise.resolve(result).then(
          (value) => seen.push(value),
          () => {},
        )
        return result
      },
      sample,
      waiting,
      args,
    )
    if (problem !== null) problems.push(`${subject.name}: ${name} ${problem}`)
    const value = args.includes(seen[0]) ? undefined : seen[0]
    if (!isHandle(value) || sample.foreign !== undefined) continue
    if (sample.returns === undefined || !covered.has(sample.returns))
      problems.push(
        `${subject.name}: ${name} gives back functions that nothing covers: ${functionNames(value)}`,
      )
  }
  return problems
}

const functionNames = (value: object) => functionsOf(value, 0).map(({ name }) => name)

function isHandle(value: unknown): value is object {
  if (typeof value === 'function') return value.length > 0
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false
  // Of Node, such as a Response.
  const made = value.constructor as (new () => object) | undefined
  const global: unknown = (globalThis as Record<string, unknown>)[made?.name ?? '']
  return (made === Object || global !== made) && functionNames(value).length > 0
}
