import { type ImportRow, type ReadRow, ROW_MAX, type TextSource } from './import-source.js'
import { readLines, readText } from './read-text.js'
import { JsonArraySplitter, type JsonElement } from './split-json.js'

/** The rows of an array of objects, or of an object a line: the first character says which. */
export async function* readJson(source: TextSource): AsyncGenerator<ReadRow> {
  const text = readText(source)
  let head = ''
  for await (const chunk of text) {
    head += chunk
    if (head.trim() === '') continue
    const rest = joined(head, text)
    yield* head.trimStart().startsWith('[') ? ofArray(rest) : ofLines(rest)
    return
  }
}

/** The generator goes on where it was left: a `for await` that is left with `return` would end it. */
async function* joined(head: string, rest: AsyncGenerator<string>): AsyncGenerator<string> {
  yield head
  for (;;) {
    const { done, value } = await rest.next()
    if (done) return
    yield value
  }
}

async function* ofArray(text: AsyncIterable<string>): AsyncGenerator<ReadRow> {
  let splitter: JsonArraySplitter | null = null
  for await (const chunk of text) {
    let part = chunk
    if (splitter === null) {
      const start = chunk.indexOf('[') + 1
      splitter = new JsonArraySplitter(ROW_MAX, chunk.slice(0, start).split('\n').length)
      part = chunk.slice(start)
    }
    for (const element of splitter.push(part)) yield toRow(element)
  }
  if (splitter === null) return
  if (splitter.behind !== null)
    yield { line: splitter.behind, problem: 'the array ends before this line; what follows was not read' }
  else if (!splitter.ended)
    yield { line: splitter.line, problem: 'the array ends in the middle, from this line on rows are missing' }
}

async function* ofLines(text: AsyncIterable<string>): AsyncGenerator<ReadRow> {
  let line = 0
  for await (const each of readLines(text, ROW_MAX)) {
    line++
    if (each?.trim() !== '') yield toRow({ line, text: each })
  }
}

function toRow({ line, text }: JsonElement): ReadRow {
  if (text === null) return { line, problem: `the row has more than ${ROW_MAX} characters` }
  let row: unknown
  try {
    row = JSON.parse(text)
  } catch {
    // The parser's message quotes the text.
    return { line, problem: 'the row is not JSON' }
  }
  if (typeof row === 'object' && row !== null && !Array.isArray(row)) return { line, row: row as ImportRow }
  return { line, problem: 'the row is not a JSON object' }
}
