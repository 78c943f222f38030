import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { parse } from 'csv-parse/sync'
import { type ReadRow, ROW_MAX, type TextSource } from './import-source.js'
import { readLines, readText } from './read-text.js'
import { type CsvPiece, type CsvRecord, CsvRecordSplitter } from './split-csv.js'

/** Records parsed at once. */
const TOGETHER = 200

/**
 * The rows under a header. `known` are the columns there may be. `invalid_payload` when the header cannot be right: every
 * row would be wrong then.
 */
export async function* readCsv(source: TextSource, known: readonly string[]): AsyncGenerator<ReadRow> {
  const splitter = new CsvRecordSplitter(ROW_MAX)
  let columns: readonly string[] | null = null
  let single: CsvRecord[] = []

  function* flush(): Generator<ReadRow> {
    if (columns !== null) yield* parseAll(single, columns)
    single = []
  }

  function* take(pieces: readonly CsvPiece[]): Generator<ReadRow> {
    for (const piece of pieces) {
      if (columns === null) {
        columns = header(piece, known)
      } else if ('problem' in piece) {
        yield* flush()
        yield piece
      } else if (piece.lines.length === 1) {
        single.push(piece)
        if (single.length >= TOGETHER) yield* flush()
      } else {
        yield* flush()
        const row = parseOne(piece, columns)
        yield row
        // Nothing was pushed since: it is the last record of the splitter.
        if ('problem' in row && row.malformed) yield* take(splitter.reject(piece))
      }
    }
  }

  for await (const line of readLines(readText(source), ROW_MAX)) yield* take(splitter.push(line))
  yield* take(splitter.end())
  yield* flush()
  if (columns === null)
    throw new DeviceHubError('invalid_payload', 'The CSV source is empty; it needs a header with device_id')
}

function header(piece: CsvPiece, known: readonly string[]): readonly string[] {
  const fail = (why: string) =>
    new DeviceHubError(
      'invalid_payload',
      `The header of the CSV source (line ${piece.line}) ${why}; columns are ${known.join(', ')}`,
      { details: { line: piece.line } },
    )
  const cells = 'problem' in piece ? null : parseText(piece)
  if (cells === null) throw fail('is not well formed')
  const names = cells.map((name) => name.trim())
  const unknown = names.find((name) => !isKnown(name, known))
  const nearest = unknown === undefined ? undefined : check.nearestKey(unknown, known)
  const hint = nearest === undefined ? '' : ` (did you mean ${nearest}?)`
  if (unknown !== undefined)
    throw fail(`has the unknown column ${JSON.stringify(unknown.slice(0, 80))}${hint}`)
  const twice = names.find((name, index) => names.indexOf(name) !== index)
  if (twice !== undefined) throw fail(`has the column ${twice} twice`)
  if (!names.includes('device_id')) throw fail('lacks device_id')
  return names
}

/** `label.<key>` among the known ones stands for `label.` and any key. */
const isKnown = (name: string, known: readonly string[]): boolean =>
  known.includes(name) ||
  known.some(
    (each) => each.endsWith('<key>') && name.length > each.length - 5 && name.startsWith(each.slice(0, -5)),
  )

function* parseAll(records: readonly CsvRecord[], columns: readonly string[]): Generator<ReadRow> {
  const rows = parseTogether(records)
  if (rows === null) for (const record of records) yield parseOne(record, columns)
  else for (const [index, record] of records.entries()) yield toRow(record, rows[index] ?? [], columns)
}

const OPTIONS = { relax_column_count: true, max_record_size: 2 * ROW_MAX }

/** Null when any of them is not well formed. */
function parseTogether(records: readonly CsvRecord[]): string[][] | null {
  try {
    const rows: string[][] = parse(records.map(({ lines }) => lines[0]).join('\n'), {
      ...OPTIONS,
      record_delimiter: '\n',
    })
    return rows.length === records.length ? rows : null
  } catch {
    return null
  }
}

function parseText({ lines }: CsvRecord): string[] | null {
  try {
    const rows: string[][] = parse(lines.join('\n'), { ...OPTIONS, record_delimiter: '\n' })
    return rows.length === 1 ? (rows[0] as string[]) : null
  } catch {
    return null
  }
}

function parseOne(record: CsvRecord, columns: readonly string[]): ReadRow & { readonly malformed?: boolean } {
  const cells = parseText(record)
  if (cells === null) return { line: record.line, problem: 'the row is not well-formed CSV', malformed: true }
  return toRow(record, cells, columns)
}

function toRow({ line }: CsvRecord, cells: readonly string[], columns: readonly string[]): ReadRow {
  if (cells.length !== columns.length)
    return { line, problem: `the row has ${cells.length} cells, the header ${columns.length}` }
  // An empty cell says nothing of its column.
  const given = columns.flatMap((name, index) => (cells[index] === '' ? [] : [[name, cells[index]] as const]))
  return { line, row: Object.fromEntries(given) }
}
