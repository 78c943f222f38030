import { accept, list, type Rule, satisfies } from '../check/index.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import { deviceType } from '../device-type/type-rule.js'
import type { Selector } from './selector.js'
import { type KeyPath, keyPath, type ValueKind } from './text-keys.js'
import { readTime } from './time-value.js'
import { badSelector, TEXT_MAX, type Token, tokensOf, type WrittenValue } from './tokens.js'

/** Brackets and `not` within each other: what a selector of the greatest depth can be written with. */
const DEPTH_MAX = 64

/** In the making. */
type Parsed = { [Key in keyof Selector]?: unknown }
type Term = Token & { readonly kind: 'term' }

/**
 * The selector that a text says, for command lines, addresses and search fields: `site:north battery<20 firmware!=2.1`.
 * What stands side by side must all hold; `or`, `not` or `-`, and brackets join the rest. A word alone is searched for in
 * ids and names. `types`: those whose state fields and readings are known by their bare name; other names are labels.
 * `invalid_query` names the character where it cannot be understood; whether values fit is checked where it is used.
 *
 * @example
 * import { parseSelector } from '@devicehub/core'
 *
 * const low = parseSelector('site:north battery<20 -status:maintenance')
 */
export function parseSelector(text: string, types: readonly AnyDeviceType[] = []): Selector {
  const call = 'parseSelector'
  const written = accept(call, 'text', SELECTOR_TEXT, text, 'invalid_query')
  const known = accept(call, 'types', TYPES, types)
  const tokens = tokensOf(call, written)
  let next = 0
  let depth = 0

  const peek = () => tokens[next] as Token
  const fail = (problem: string, { at }: Token = peek()) => badSelector(call, written, at, problem)

  function any(): Parsed {
    const parts = [all()]
    while (peek().kind === 'or') {
      next++
      parts.push(all())
    }
    return parts.length === 1 ? (parts[0] as Parsed) : { or: parts }
  }

  function all(): Parsed {
    const parts: Parsed[] = []
    for (;;) {
      const { kind } = peek()
      if (kind === 'end' || kind === ')' || kind === 'or') break
      if (kind === 'and') {
        if (parts.length === 0) throw fail('here nothing stands before `and`')
        next++
      }
      parts.push(one())
    }
    if (parts.length === 0 && (peek().kind === 'or' || tokens[next - 1]?.kind === 'or'))
      throw fail('here nothing stands on one side of `or`')
    return merged(parts)
  }

  function one(): Parsed {
    const token = peek()
    next++
    switch (token.kind) {
      case 'not':
        return { not: deeper(token, one) }
      case '(': {
        const inside = deeper(token, any)
        if (peek().kind !== ')') throw fail('the bracket is not closed', token)
        next++
        return inside
      }
      case 'word':
        return { search: token.text }
      case 'term':
        return term(token)
      default:
        next--
        throw fail(token.kind === 'end' ? 'here something should follow' : `${token.kind} cannot stand here`)
    }
  }

  function deeper(token: Token, parse: () => Parsed): Parsed {
    if (++depth > DEPTH_MAX) throw fail(`it is more than ${DEPTH_MAX} brackets deep`, token)
    const parsed = parse()
    depth--
    return parsed
  }

  function term(token: Term): Parsed {
    const path = keyPath(token.key, known)
    const wanted = matchingOf(token, path, (problem) => fail(problem, token))
    return path.group === null ? { [path.key]: wanted } : { [path.group]: { [path.key]: wanted } }
  }

  const parsed = any()
  if (peek().kind !== 'end') throw fail('here a bracket is closed that was not opened')
  return parsed as Selector
}

const SELECTOR_TEXT: Rule<string> = satisfies(
  `a selector as text, of at most ${TEXT_MAX} characters`,
  (value) => typeof value === 'string' && value.length <= TEXT_MAX,
)
const TYPES = list(deviceType)

const RELATIONS = { '<': 'lt', '<=': 'lte', '>': 'gt', '>=': 'gte' } as const

function matchingOf({ operator, values }: Term, path: KeyPath, fail: (problem: string) => Error): unknown {
  const [first] = values as readonly [WrittenValue]
  const several = values.length > 1
  if (!first.quoted && first.text === '*' && !several) {
    // Whether there is a value.
    if (operator === ':') return { ne: null }
    if (operator === '!=') return null
    throw fail('* stands for any value: write it behind : or !=')
  }
  const read = values.map((value) => readValue(path.kind, value, fail))
  if (operator === ':') return several ? read : read[0]
  if (operator === '!=') return several ? { notIn: read } : { ne: read[0] }
  if (several) throw fail(`behind ${operator} stands one value`)
  return { [RELATIONS[operator]]: read[0] }
}

function readValue(
  kind: ValueKind,
  { text, quoted }: WrittenValue,
  fail: (problem: string) => Error,
): unknown {
  if (kind === 'text' || (kind === 'any' && quoted)) return text
  if (kind === 'time') {
    if (readTime(text, 0) !== undefined) return text
    throw fail('a time is RFC 3339 (2026-03-01T12:00:00Z), a day (2026-03-01), or relative (now-1h)')
  }
  if (kind !== 'number' && (text === 'true' || text === 'false')) return text === 'true'
  if (kind === 'flag') throw fail('this is true or false')
  const number = NUMBER.test(text) ? Number(text) : Number.NaN
  if (Number.isFinite(number)) return number
  if (kind === 'number') throw fail('this is compared with a number')
  return text
}

/** What a field of unknown kind reads as a number. */
export const NUMBER = /^[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?$/

const GROUPS = new Set(['labels', 'state', 'readings'])

/** One selector, where no key is said twice; else the repeated ones in `and`. */
function merged(parts: readonly Parsed[]): Parsed {
  const first: Record<string, unknown> = {}
  const rest: Parsed[] = []
  for (const part of parts) {
    const free = Object.entries(part).every(([key, value]) => {
      const there = first[key]
      if (there === undefined) return true
      return (
        GROUPS.has(key) && Object.keys(value as object).every((name) => !Object.hasOwn(there as object, name))
      )
    })
    if (!free) rest.push(part)
    else
      for (const [key, value] of Object.entries(part))
        first[key] = GROUPS.has(key) ? { ...(first[key] as object | undefined), ...(value as object) } : value
  }
  return rest.length === 0 ? first : { and: [first, ...rest] }
}
