/**
 * What a log line carries beside its text. An error is `err`, which pino and others take apart; the other names are those
 * of the line itself.
 */
export interface LogFields {
  /** Any field, as it is to stand in the line. */
  readonly [name: string]: unknown
  /** An error, with its stack and causes. */
  readonly err?: unknown
  /** Not a field: an error is `err`. */
  readonly error?: never
  /** Of the line itself. */
  readonly level?: never
  /** Of the line itself. */
  readonly time?: never
  /** Of the line itself. */
  readonly message?: never
  /** Of the line itself. */
  readonly msg?: never
}

/** The shape of pino's logger: an object of fields, then a message. */
export interface Logger {
  /** For whoever looks for a fault. */
  debug(fields: LogFields, message?: string): void
  /** What happens in the normal course of things. */
  info(fields: LogFields, message?: string): void
  /** What goes on, but should be looked at. */
  warn(fields: LogFields, message?: string): void
  /** What failed and needs somebody. */
  error(fields: LogFields, message?: string): void
}

const ignore = () => {}

/** Drops every line. */
export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

/**
 * The default: warnings and errors as one JSON line each on standard error. It never throws: what is no JSON is written as
 * well as it can be. A field named as a part of the line itself (`level`, `time`, `message`) gets an underscore behind it.
 */
export const consoleLogger: Logger = {
  debug: ignore,
  info: ignore,
  warn: (fields, message) => console.error(logLine('warn', fields, message)),
  error: (fields, message) => console.error(logLine('error', fields, message)),
}

const OWN = ['level', 'time', 'message']

function logLine(level: string, fields: object, message: string | undefined): string {
  const parts = [part('level', level), part('time', new Date().toISOString()), part('message', message)]
  for (const name of namesOf(fields))
    parts.push(part(OWN.includes(name) ? `${name}_` : name, readField(fields, name)))
  return `{${parts.filter((each) => each !== '').join(',')}}`.replace(NOT_FOR_TERMINALS, escaped)
}

/** What JSON leaves as it is and a terminal obeys, or shows in another order: C1, DEL, separators, directions. */
const NOT_FOR_TERMINALS = /[\u007f-\u009f\u2028\u2029\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g

const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

function namesOf(fields: object): string[] {
  try {
    return Object.keys(fields)
  } catch {
    return []
  }
}

function readField(fields: object, name: string): unknown {
  try {
    return (fields as Record<string, unknown>)[name]
  } catch (error) {
    return unreadable(error)
  }
}

/** Empty for what JSON leaves out. One field that cannot be written does not cost the line. */
function part(name: string, value: unknown): string {
  let text: string | undefined
  try {
    text = JSON.stringify(value, plain())
  } catch (error) {
    text = JSON.stringify(unreadable(error))
  }
  return text === undefined ? '' : `${JSON.stringify(name)}:${text}`
}

/** The function does not leave `JSON.stringify` with a value that it would throw for. */
function plain(): (this: unknown, key: string, value: unknown) => unknown {
  const above: unknown[] = []
  return function (_key, value) {
    if (typeof value === 'bigint') return String(value)
    if (typeof value !== 'object' || value === null) return value
    if (value instanceof Uint8Array) return `[${value.byteLength} bytes]`
    while (above.length > 0 && above.at(-1) !== this) above.pop()
    if (above.includes(value)) return '[circular]'
    const shown = value instanceof Error ? describe(value) : value
    above.push(shown)
    return shown
  }
}

const CAUSES_MAX = 5

function describe(error: Error, depth = 1): object {
  const { message, stack, cause, code } = error as Error & { readonly code?: unknown }
  const because = cause instanceof Error && depth < CAUSES_MAX ? { cause: describe(cause, depth + 1) } : {}
  return { message, code, stack, ...because }
}

function unreadable(error: unknown): string {
  try {
    return `[not readable: ${error instanceof Error ? error.message : String(error)}]`
  } catch {
    return '[not readable]'
  }
}
