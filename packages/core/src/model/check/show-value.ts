/** A value in an error: short, printable, without its contents where they may be long or secret. Never throws. */
export function showValue(value: unknown): string {
  switch (typeof value) {
    case 'string':
      return showText(value)
    case 'number':
    case 'boolean':
    case 'undefined':
      return String(value)
    case 'bigint':
      return `${value}n`.slice(0, 40)
    case 'function':
      return 'a function'
    case 'symbol':
      return 'a symbol'
    default:
      return value === null ? 'null' : showObject(value as object)
  }
}

/** The same of which nothing is shown where it is a text. */
export const showKind = (value: unknown): string =>
  typeof value === 'string' ? `a text of ${value.length} characters` : showValue(value)

/** Where a number belongs: a text is shown if it is the text of one. */
export const showNumber = (value: unknown): string =>
  typeof value === 'string' && /^[-+.,:\dTZeE]{1,30}$/.test(value) ? showText(value) : showKind(value)

const SHOWN = 40

/** In quotes, with what is not plain ASCII escaped. */
export function showText(text: string): string {
  const start = text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text
  const printable = start.replace(
    /[^\x20-\x7e]/g,
    (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return `"${printable}"`
}

function showObject(value: object): string {
  try {
    if (Array.isArray(value)) return 'a list'
    if (value instanceof Date && Number.isNaN(value.getTime())) return 'an invalid Date'
    const { name } = value.constructor as { readonly name?: unknown }
    return typeof name === 'string' && /^[A-Z]\w{0,39}$/.test(name) && name !== 'Object'
      ? `a ${name}`
      : 'an object'
  } catch {
    return 'an object'
  }
}
