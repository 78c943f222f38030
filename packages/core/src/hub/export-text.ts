import {
  accept,
  anyText,
  flag,
  isList,
  list,
  optional,
  options,
  partOf,
  satisfies,
} from '../model/check/index.js'
import { encodeBase64 } from '../model/codec/base64.js'
import type { Export } from './export-request.js'

/** How rows are written as CSV. */
export interface CsvOptions {
  /** Whether the last column is `cursor`, of a row to go on behind; default false. */
  readonly cursor?: boolean
}

const hasRows = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as Partial<AsyncIterable<unknown>>)[Symbol.asyncIterator] === 'function'

const WHAT = 'what readings.export or messages.export gave'
const COLUMNS = partOf<Pick<Export<object>, 'columns'>>(
  { columns: list(options<Export<object>['columns'][number]>({ name: anyText(), isJson: flag })) },
  WHAT,
)
const ROWS = satisfies<AsyncIterable<object>>('rows to iterate over', hasRows)
const CSV = options<CsvOptions>({ cursor: optional(flag) })

/** Columns of a sample beside its readings. */
export const OWN_COLUMNS = ['id', 'device_id', 'measured_at', 'received_at', 'sample_id', 'flags']

/** A reading may have the name of one of them. */
export const readingColumn = (name: string): string =>
  name === 'cursor' || OWN_COLUMNS.includes(name) ? `readings.${name}` : name

/** Characters in a piece of text. */
const PIECE = 64 << 10

/**
 * Rows as CSV (RFC 4180): a header, then a line a row; times in RFC 3339, bytes in base64, JSON as its text, null as an
 * empty cell. A text that a spreadsheet would take for a formula has an apostrophe before it. In pieces of some 64 KiB.
 *
 * @example
 * import { toCsv } from '@devicehub/core'
 * import { hub, WeatherStation } from './hub.js'
 *
 * for await (const text of toCsv(hub.readings.export(WeatherStation))) process.stdout.write(text)
 */
export function toCsv(rows: Export<object>, given: CsvOptions = {}): AsyncGenerator<string> {
  accept('toCsv', 'rows', ROWS, rows)
  const exported = accept('toCsv', 'rows', COLUMNS, rows)
  const { cursor = false } = accept('toCsv', 'options', CSV, given)
  const columns = [...exported.columns, ...(cursor ? [{ name: 'cursor', isJson: false }] : [])]
  return inPieces(lines())

  async function* lines(): AsyncGenerator<string> {
    yield `${columns.map(({ name }) => cell(name, false)).join(',')}\r\n`
    for await (const row of rows) {
      const values = valuesOf(row)
      yield `${columns.map(({ name, isJson }) => cell(values[name], isJson)).join(',')}\r\n`
    }
  }
}

/**
 * Rows as newline-delimited JSON, one object a line with the names of `toCsv` and `cursor`; readings stand in `readings`,
 * times in RFC 3339, bytes in base64. In pieces of some 64 KiB.
 *
 * @example
 * import { toNdjson } from '@devicehub/core'
 * import { hub, WeatherStation } from './hub.js'
 *
 * for await (const text of toNdjson(hub.readings.export(WeatherStation))) process.stdout.write(text)
 */
export function toNdjson(rows: AsyncIterable<object>): AsyncGenerator<string> {
  accept('toNdjson', 'rows', ROWS, rows)
  return inPieces(lines())

  async function* lines(): AsyncGenerator<string> {
    for await (const row of rows) yield `${JSON.stringify(jsonOf(row))}\n`
  }
}

async function* inPieces(lines: AsyncIterable<string>): AsyncGenerator<string> {
  let piece = ''
  for await (const line of lines) {
    piece += line
    if (piece.length < PIECE) continue
    yield piece
    piece = ''
  }
  if (piece !== '') yield piece
}

const columnName = (key: string): string => key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)

function valuesOf(row: object): Record<string, unknown> {
  const values: Record<string, unknown> = {}
  for (const [key, value] of Object.entries(row)) {
    if (key !== 'readings') values[columnName(key)] = isList(value) ? value.join(' ') : value
    else for (const [name, each] of Object.entries(value)) values[readingColumn(name)] = each
  }
  return values
}

function jsonOf(row: object): object {
  return Object.fromEntries(
    Object.entries(row).map(([key, value]) => [
      columnName(key),
      key === 'readings'
        ? Object.fromEntries(Object.entries(value as object).map(([name, each]) => [name, jsonValue(each)]))
        : jsonValue(value),
    ]),
  )
}

const jsonValue = (value: unknown): unknown => (value instanceof Uint8Array ? encodeBase64(value) : value)

function cell(value: unknown, isJson: boolean): string {
  if (value === null || value === undefined) return ''
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (isJson) return quoted(JSON.stringify(value))
  if (value instanceof Date) return value.toISOString()
  return quoted(plain(value instanceof Uint8Array ? encodeBase64(value) : String(value)))
}

/** A spreadsheet takes what begins like this for a formula. */
const plain = (text: string): string => (/^[=+\-@\t\r]/.test(text) ? `'${text}` : text)

const quoted = (text: string): string => (/[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text)
