/** What of a result is wrong, and where in it. */
export interface WrongResult {
  /** `.items[2].createdAt`; empty: the result itself. */
  readonly at: string
  readonly value: unknown
  /** What belongs there, with its article. */
  readonly due: string
}

/**
 * Looks whether a value is of a shape; null: it is. Not `Rule`s, which copy what they take: results are handed on as they
 * are, and rows are looked at a page at a time.
 */
export type Shape = (value: unknown) => WrongResult | null

const is =
  (due: string, test: (value: unknown) => boolean): Shape =>
  (value) =>
    test(value) ? null : { at: '', value, due }

/** Of what returns nothing: whatever it returns instead. */
export const nothing: Shape = () => null
export const text = is('a text', (value) => typeof value === 'string')
export const flag = is('true or false', (value) => typeof value === 'boolean')
export const count = is(
  'a whole number from 0',
  (value) => Number.isSafeInteger(value) && (value as number) >= 0,
)
export const number = is('a number', Number.isFinite)
/** The limits of a `Date`. */
export const time = is(
  'a time in epoch milliseconds',
  (value) => typeof value === 'number' && Math.abs(value) <= 8.64e15,
)
/** A value in its stored form. */
export const stored = is(
  'a stored value (a number, a text, true, false, a Uint8Array, or null)',
  (value) =>
    value === null ||
    typeof value === 'string' ||
    typeof value === 'boolean' ||
    Number.isFinite(value) ||
    value instanceof Uint8Array,
)
/** Its items are not looked at. */
export const list = is('a list', Array.isArray)
export const map = is('a Map', (value) => value instanceof Map)
export const word = (...words: readonly string[]): Shape => {
  const known: ReadonlySet<unknown> = new Set(words)
  return is(`one of ${words.join(', ')}`, (value) => known.has(value))
}

export const orNull =
  (shape: Shape): Shape =>
  (value) => {
    if (value === null) return null
    const wrong = shape(value)
    return wrong?.at === '' ? { ...wrong, due: `${wrong.due}, or null` } : wrong
  }

export const orAbsent =
  (shape: Shape): Shape =>
  (value) =>
    value === undefined ? null : shape(value)

export const listOf =
  (item: Shape): Shape =>
  (value) => {
    if (!Array.isArray(value)) return { at: '', value, due: 'a list' }
    for (let index = 0; index < value.length; index++) {
      const wrong = item(value[index])
      if (wrong !== null) return { ...wrong, at: `[${index}]${wrong.at}` }
    }
    return null
  }

/** An object with these keys, and whatever else. `due`: with its article. */
export const record = (due: string, shapes: Readonly<Record<string, Shape>>): Shape => {
  const entries = Object.entries(shapes)
  return (value) => {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) return { at: '', value, due }
    for (const [key, shape] of entries) {
      const wrong = shape((value as Readonly<Record<string, unknown>>)[key])
      if (wrong !== null) return { ...wrong, at: `.${key}${wrong.at}` }
    }
    return null
  }
}

export const pageOf = (item: Shape): Shape =>
  record('a page { items, cursor }', { items: listOf(item), cursor: orNull(text) })
