/** What C libraries print for a float that is no number; JSON has no word for it. */
const NOT_A_NUMBER = /[-+]?(?:nan(?:\(\w{0,20}\))?|inf(?:inity)?)(?![\w.])/iy
/** Stands for one while the rest is parsed. In the private use area: no device means it. */
const MARK = '\ue000not a number'

const QUOTE = 0x22
const BACKSLASH = 0x5c

/**
 * JSON of firmware that prints `nan` for a sensor that failed: `{"temperature":nan,"power":3}`. The value has NaN in its
 * place, so that the other readings can be stored; undefined when something else is wrong with the text.
 */
export function parseWithNaN(text: string): unknown {
  const repaired = withMarks(text)
  if (repaired === undefined) return undefined
  try {
    return JSON.parse(repaired, (_key, value: unknown) => (value === MARK ? Number.NaN : value))
  } catch {
    return undefined
  }
}

/** Looks at each character once: the text may be hostile. Undefined: there is none. */
function withMarks(text: string): string | undefined {
  let repaired = ''
  let copied = 0
  let inText = false
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at)
    if (inText) {
      if (code === BACKSLASH) at++
      else if (code === QUOTE) inText = false
    } else if (code === QUOTE) inText = true
    else if (mayBegin(code)) {
      NOT_A_NUMBER.lastIndex = at
      const found = NOT_A_NUMBER.exec(text)
      if (found === null) continue
      repaired += `${text.slice(copied, at)}"${MARK}"`
      copied = at + found[0].length
      at = copied - 1
    }
  }
  return copied === 0 ? undefined : repaired + text.slice(copied)
}

/** `n` and `i` in either case, and a sign. */
const mayBegin = (code: number): boolean =>
  (code | 0x20) === 0x6e || (code | 0x20) === 0x69 || code === 0x2d || code === 0x2b
