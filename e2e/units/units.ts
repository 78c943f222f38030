import ts from 'typescript'
import type { PublicProperty, PublicTypes } from './public-types.js'

/** Names of durations, whatever their comment says. */
const NAMES =
  /^(?:timeout|interval|lease|ttl|every|keepAlive|heartbeat|overlap|expiresIn|sessionExpiry|cacheFor|unknownFor|accountsFor|refreshAfter|compressAfter|maxGap|maxAge)$|(?:Timeout|Interval|Delay|Every|Expiry|Period)$/
const SUFFIXED = /(?:Ms|Millis|Milliseconds|Secs|Seconds)$/
/** What a comment of a duration says. */
const SAYS =
  /\b(?:milliseconds|seconds|how long|time between|pause between|pause before)\b|\d (?:ms|s|min|h)\b/i
/** A comment of an input that has its own unit. */
const UNIT = /\b(?:Milliseconds|Seconds)\b|\bin (?:milli)?seconds\b/

/** Numbers of something else, although their name or comment speaks of time. */
const NO_TIME: ReadonlySet<string> = new Set(['jitter', 'yieldEvery'])
/** Names of points in time. */
const TIMES = /^at$|At$/

/** What is not in the one unit, a line each. */
export function unitProblems({ inputs, figures }: PublicTypes): string[] {
  return [...inputs.flatMap(inputProblem), ...figures.flatMap(figureProblem)].sort()
}

function inputProblem({ path, name, comment, type }: PublicProperty): string[] {
  if (NO_TIME.has(name)) return []
  if (TIMES.test(name) && isNumber(type)) return [`${path}: a time that is no Date`]
  if (UNIT.test(comment) && !/^Bytes/.test(comment))
    return [`${path}: its comment says a unit ("${comment}")`]
  if (SUFFIXED.test(name) && isNumber(type)) return [`${path}: a unit in the name of an input`]
  if (isNumber(type) && !isDuration(type) && (NAMES.test(name) || SAYS.test(comment)))
    return [`${path}: a number, not a Duration ("${comment}")`]
  return []
}

function figureProblem({ path, name, comment, type }: PublicProperty): string[] {
  if (TIMES.test(name) && isNumber(type)) return [`${path}: a time that is no Date`]
  return isNumber(type) && SAYS.test(comment) && !SUFFIXED.test(name)
    ? [`${path}: a figure without its unit in the name ("${comment}")`]
    : []
}

const partsOf = (type: ts.Type): readonly ts.Type[] => (type.isUnion() ? type.types : [type])

const isNumber = (type: ts.Type): boolean =>
  partsOf(type).some(({ flags }) => (flags & ts.TypeFlags.NumberLike) !== 0)

/** With the texts that have their unit: a number and a word. */
export const isDuration = (type: ts.Type): boolean =>
  partsOf(type).some(
    (part) =>
      (part.flags & ts.TypeFlags.TemplateLiteral) !== 0 &&
      (part as ts.TemplateLiteralType).types.some(({ flags }) => (flags & ts.TypeFlags.Number) !== 0),
  )
