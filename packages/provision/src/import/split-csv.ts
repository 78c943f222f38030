/** A record as it stands in the file: several lines when a quoted cell holds line ends. */
export interface CsvRecord {
  /** Where it begins, from 1. */
  readonly line: number
  readonly lines: readonly string[]
}

export type CsvPiece = CsvRecord | { readonly line: number; readonly problem: string }

/**
 * Puts lines together to records: a line with an odd number of quotation marks goes on in the next ones. Whether a record
 * is well formed is seen when it is parsed. A missing quotation mark costs the line it is missing in, not the rest of
 * the file: see `reject`.
 */
export class CsvRecordSplitter {
  readonly #max: number
  /** Lines taken. */
  #line = 0
  /** The record that goes on. */
  #open: string[] = []
  #length = 0

  constructor(max: number) {
    this.#max = max
  }

  /** What ends with this line; null: a line longer than the bound. */
  push(line: string | null): CsvPiece[] {
    if (line === null) {
      const before = this.end()
      this.#line++
      return [...before, { line: this.#line, problem: `the row has more than ${this.#max} characters` }]
    }
    this.#line++
    if (this.#open.length === 0 && line.trim() === '') return []
    const goesOn = oddQuotes(line) === (this.#open.length === 0)
    this.#open.push(line)
    this.#length += line.length + 1
    if (goesOn) return this.#length > this.#max ? this.end() : []
    return [this.#take()]
  }

  /** There are no more lines: what is open now was never closed. */
  end(): CsvPiece[] {
    if (this.#open.length === 0) return []
    const record = this.#take()
    return [{ line: record.line, problem: 'a quotation mark is not closed' }, ...this.reject(record)]
  }

  /** To be called with the last record, when it is not well formed: its lines but the first are looked at anew. */
  reject({ line, lines }: CsvRecord): CsvPiece[] {
    this.#line = line
    return lines.slice(1).flatMap((each) => this.push(each))
  }

  #take(): CsvRecord {
    const lines = this.#open
    this.#open = []
    this.#length = 0
    return { line: this.#line - lines.length + 1, lines }
  }
}

function oddQuotes(line: string): boolean {
  let odd = false
  for (let at = line.indexOf('"'); at !== -1; at = line.indexOf('"', at + 1)) odd = !odd
  return odd
}
