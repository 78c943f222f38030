import { accept, list } from '../check/index.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import { deviceType } from '../device-type/type-rule.js'
import { checkSelector } from './conditions-of.js'
import { NUMBER } from './parse-selector.js'
import type { Selector } from './selector.js'
import { keyPath, writtenKey } from './text-keys.js'

/**
 * A selector as text: `parseSelector` of it, with the same types, selects the same devices. `invalid_query` for one that
 * cannot be meant.
 *
 * @example
 * import { formatSelector } from '@devicehub/core'
 *
 * formatSelector({ labels: { site: 'north' }, batteryLevel: { lt: 20 } }) // 'battery<20 site:north'
 */
export function formatSelector<T extends AnyDeviceType>(
  selector: Selector<T>,
  types: readonly T[] = [],
): string {
  const known = accept('formatSelector', 'types', list(deviceType), types)
  checkSelector('formatSelector', known, selector)
  return partsOf(selector as Selector, known).join(' ')
}

function partsOf(selector: Selector, types: readonly AnyDeviceType[]): string[] {
  const { and, or, not, search, labels, state, readings, ...columns } = selector
  const inGroup = (group: 'labels' | 'state' | 'readings', matches: object | undefined) =>
    Object.entries(matches ?? {}).flatMap(([key, wanted]) =>
      termsOf(writtenKey(group, key, types), wanted, types),
    )
  return [
    ...(search === undefined ? [] : [writtenWord(search)]),
    ...Object.entries(columns).flatMap(([key, wanted]) =>
      termsOf(writtenKey(null, key, types), wanted, types),
    ),
    ...inGroup('labels', labels),
    ...inGroup('state', state),
    ...inGroup('readings', readings),
    ...(and ?? []).map((each) => bracketed(each, types)),
    ...(or === undefined ? [] : [orOf(or, types)]),
    ...(not === undefined ? [] : [`-${bracketed(not, types)}`]),
  ]
}

/** No alternative at all is no device. */
const orOf = (or: readonly Selector[], types: readonly AnyDeviceType[]): string =>
  or.length === 0 ? '-()' : `(${or.map((each) => bracketed(each, types)).join(' or ')})`

function bracketed(selector: Selector, types: readonly AnyDeviceType[]): string {
  const parts = partsOf(selector, types)
  return parts.length === 1 ? (parts[0] as string) : `(${parts.join(' ')})`
}

const SIGNS = { lt: '<', lte: '<=', gt: '>', gte: '>=' } as const

function termsOf(key: string, wanted: unknown, types: readonly AnyDeviceType[]): string[] {
  const { kind } = keyPath(key, types)
  const write = (value: unknown) => writtenValue(value, kind === 'any')
  if (wanted === undefined) return []
  if (wanted === null) return [`${key}!=*`]
  if (Array.isArray(wanted)) return [`${key}:${wanted.map(write).join(',')}`]
  if (typeof wanted !== 'object' || wanted instanceof Date) return [`${key}:${write(wanted)}`]
  return Object.entries(wanted).flatMap(([relation, value]) => {
    if (value === undefined) return []
    if (relation === 'ne') return [value === null ? `${key}:*` : `${key}!=${write(value)}`]
    if (relation === 'notIn') return [`${key}!=${(value as readonly unknown[]).map(write).join(',')}`]
    return [`${key}${SIGNS[relation as keyof typeof SIGNS]}${write(value)}`]
  })
}

const BARE = /^[^\s(),"*]+$/
const WORD = /^[\p{L}\p{N}_][\p{L}\p{N}_.]*$/u

/** `guessed`: who reads it does not know whether it is a text. */
function writtenValue(value: unknown, guessed: boolean): string {
  if (value instanceof Date) return value.toISOString()
  if (typeof value !== 'string') return String(value)
  const plain = BARE.test(value) && !(guessed && (NUMBER.test(value) || /^(true|false)$/.test(value)))
  return plain ? value : quoted(value)
}

const writtenWord = (text: string): string =>
  WORD.test(text) && !/^(and|or|not)$/i.test(text) ? text : quoted(text)

const quoted = (text: string) => `"${text.replace(/["\\]/g, '\\$&')}"`
