import { Misfit, mapOf, type Rule, text } from '../check/index.js'

/** Keys and values on a device, indexed: `{ site: 'north', customer: 'acme' }`. */
export type Labels = Readonly<Record<string, string>>

/** Of a device. */
export const LABELS_MAX = 64
export const LABEL_KEY_MAX = 63
export const LABEL_VALUE_MAX = 128

const KEY_PATTERN = /^[a-zA-Z][a-zA-Z0-9_.-]*$/
// No control characters and no spaces at the ends: a list of labels is read by people.
const VALUE_PATTERN = /^(?! )[^\p{Cc}\p{Zl}\p{Zp}]+(?<! )$/u

export const labelKey: Rule<string> = text({
  max: LABEL_KEY_MAX,
  pattern: KEY_PATTERN,
  expected: `a label's key: 1 to ${LABEL_KEY_MAX} letters, digits, _, . or -, the first a letter`,
})

export const labelValue: Rule<string> = text({
  max: LABEL_VALUE_MAX,
  pattern: VALUE_PATTERN,
  expected: `a label's value: a text of 1 to ${LABEL_VALUE_MAX} characters without control characters, and without a space at its ends`,
})

/** The labels of one device. */
export const labels: Rule<Labels> = labelMap(labelValue)

/** What changes of them: null takes a label away. */
export const labelChange: Rule<Readonly<Record<string, string | null>>> = labelMap({
  expected: `${labelValue.expected}; or null, to take it away`,
  take: (value, at) => (value === null ? null : labelValue.take(value, at)),
})

function labelMap<V>(value: Rule<V>): Rule<Readonly<Record<string, V>>> {
  const map = mapOf(value, 'an object of labels such as { site: "north" }')
  return {
    expected: map.expected,
    take(given, at) {
      const taken = map.take(given, at)
      const keys = Object.keys(taken)
      if (keys.length > LABELS_MAX) {
        const expected = `at most ${LABELS_MAX} labels`
        throw new Misfit(at, `has ${keys.length} labels; a device has ${expected}`, expected)
      }
      for (const key of keys) labelKey.take(key, at === '' ? showKey(key) : `${at}.${showKey(key)}`)
      return taken
    },
  }
}

const showKey = (key: string) => JSON.stringify(key.slice(0, LABEL_KEY_MAX + 1))
