/** A path, or the text as it comes: a file's stream, a request's body. UTF-8, with or without a byte order mark. */
export type TextSource = string | AsyncIterable<string | Uint8Array>

/** A device to be: `device_id`, `name`, `metadata`, `labels` and the fields of its state by their names. */
export type ImportRow = Readonly<Record<string, unknown>>

/** Where the devices of an import come from: a CSV or JSON text, rows, or a number of ids to count up. */
export type ImportSource =
  /** With a header: `device_id`, `name`, `metadata` (JSON), `label.<key>`, and state fields by name. An empty cell is left out. */
  | { readonly csv: TextSource }
  /** An array of objects, or an object a line. */
  | { readonly json: TextSource }
  | { readonly rows: Iterable<ImportRow> | AsyncIterable<ImportRow> }
  /** So many new devices, `<prefix><type key>-001` and on, behind those there are. Default prefix: none. */
  | { readonly count: number; readonly prefix?: string }

/** A row as it was read; `line` counts from 1, of `rows` and `count` it is the number of the row. */
export type ReadRow =
  | { readonly line: number; readonly row: ImportRow }
  | { readonly line: number; readonly problem: string }

/** Characters of a row. What is longer is refused before it is held. */
export const ROW_MAX = 65_536
