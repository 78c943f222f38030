import { showText } from '../check/show-value.js'
import { DeviceHubError } from '../errors.js'

export type Operator = ':' | '!=' | '<' | '<=' | '>' | '>='

export type Token = { readonly at: number } & (
  | { readonly kind: '(' | ')' | 'and' | 'or' | 'not' | 'end' }
  | { readonly kind: 'word'; readonly text: string }
  | {
      readonly kind: 'term'
      readonly key: string
      readonly operator: Operator
      readonly values: readonly WrittenValue[]
    }
)

export interface WrittenValue {
  readonly text: string
  readonly quoted: boolean
}

/** Of a selector as text. */
export const TEXT_MAX = 8192

const KEY = /[A-Za-z_][\w.-]*/y
const OPERATOR = /:|!=|<=|>=|<|>|=/y
const BARE = /[^\s(),"]+/y
const QUOTED = /"((?:[^"\\]|\\.)*)"/sy
const SPACE = /\s*/y
const WORDS = new Set(['and', 'or', 'not'])

/** `invalid_query` names the place. */
export function tokensOf(call: string, text: string): readonly Token[] {
  const tokens: Token[] = []
  let at = 0

  const take = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = at
    const match = pattern.exec(text)
    if (match !== null) at += match[0].length
    return match
  }
  const value = (): WrittenValue => {
    const quoted = take(QUOTED)
    if (quoted !== null) return { text: unescaped(quoted[1] as string), quoted: true }
    const bare = text[at] === '"' ? null : take(BARE)
    if (bare === null)
      throw badSelector(
        call,
        text,
        at,
        'here a value should stand; put one with spaces, commas or brackets in double quotes',
      )
    return { text: bare[0], quoted: false }
  }
  const values = (): WrittenValue[] => {
    const list = [value()]
    while (text[at] === ',') {
      at++
      list.push(value())
    }
    return list
  }
  const term = (start: number): Token | null => {
    const key = take(KEY)
    const operator = key === null ? null : take(OPERATOR)
    if (key === null || operator === null) {
      at = start
      return null
    }
    const written = operator[0] === '=' ? ':' : (operator[0] as Operator)
    return { at: start, kind: 'term', key: key[0], operator: written, values: values() }
  }

  for (;;) {
    take(SPACE)
    const start = at
    const character = text[at]
    if (character === undefined) return [...tokens, { at, kind: 'end' }]
    if (character === '(' || character === ')') {
      at++
      tokens.push({ at: start, kind: character })
    } else if (character === '-' && /[^\s,)]/.test(text[at + 1] ?? ' ')) {
      at++
      tokens.push({ at: start, kind: 'not' })
    } else tokens.push(term(start) ?? word(start, value()))
  }
}

function word(at: number, { text, quoted }: WrittenValue): Token {
  const lower = text.toLowerCase()
  if (!quoted && WORDS.has(lower)) return { at, kind: lower as 'and' | 'or' | 'not' }
  return { at, kind: 'word', text }
}

const unescaped = (text: string) => text.replace(/\\(.)/gs, '$1')

export const badSelector = (call: string, text: string, at: number, problem: string): DeviceHubError =>
  new DeviceHubError(
    'invalid_query',
    `${call}: at character ${at + 1}, before ${showText(text.slice(at, at + 30))}: ${problem}`,
    { details: { function: call, position: at } },
  )
