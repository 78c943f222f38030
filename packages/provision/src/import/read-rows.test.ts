import { describe, expect, test } from 'vitest'
import { type ReadRow, ROW_MAX, type TextSource } from './import-source.js'
import { readCsv } from './read-csv.js'
import { readJson } from './read-json.js'
import { SeenIds } from './seen-ids.js'

const KNOWN = ['device_id', 'name', 'metadata', 'mode']

async function all(rows: AsyncIterable<ReadRow>): Promise<ReadRow[]> {
  const found: ReadRow[] = []
  for await (const row of rows) found.push(row)
  return found
}

async function* pieces(text: string, size: number): AsyncGenerator<Uint8Array> {
  const bytes = Buffer.from(text)
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

const csv = (source: TextSource) => all(readCsv(source, KNOWN))
const json = (source: TextSource) => all(readJson(source))

/** Whatever the pieces, the rows are the same. */
async function inPieces(read: (source: TextSource) => Promise<ReadRow[]>, text: string): Promise<ReadRow[]> {
  const whole = await read(pieces(text, text.length * 4))
  for (const size of [1, 2, 3, 7]) expect(await read(pieces(text, size))).toEqual(whole)
  return whole
}

describe('CSV', () => {
  test('a byte order mark, CRLF, quotes, cells over several lines, empty lines, empty cells', async () => {
    const text = '\uFEFFdevice_id,name\r\nA,"Röof, north"\r\n\r\nB,"two\r\nlines ""quoted"""\r\nC,\r\nD,last'
    expect(await inPieces(csv, text)).toEqual([
      { line: 2, row: { device_id: 'A', name: 'Röof, north' } },
      { line: 4, row: { device_id: 'B', name: 'two\nlines "quoted"' } },
      { line: 6, row: { device_id: 'C' } },
      { line: 7, row: { device_id: 'D', name: 'last' } },
    ])
  })

  test('a bad row fails alone, with its line', async () => {
    const text = [
      'device_id,name',
      'A,one',
      'B,"bro"ken',
      'C,"never closed',
      'D,four',
      'E,too,many',
      `F,${'x'.repeat(ROW_MAX)}`,
      'G,seven',
      'H,"two',
      'lines"',
      'I',
      'J,ten',
    ].join('\n')
    const rows = await inPieces(csv, text)
    expect(rows.flatMap((row) => ('row' in row ? [[row.line, row.row.device_id]] : []))).toEqual([
      [2, 'A'],
      [5, 'D'],
      [8, 'G'],
      [9, 'H'],
      [12, 'J'],
    ])
    expect(rows.flatMap((row) => ('problem' in row ? [row.line] : []))).toEqual([3, 4, 6, 7, 11])
  })

  test.each([
    ['an empty file', '', 'empty'],
    ['a header without device_id', 'name\nA', 'lacks device_id'],
    ['an unknown column', 'device_id,colour\nA,red', '"colour"'],
    ['a column twice', 'device_id,name,name\nA,b,c', 'name twice'],
    ['semicolons', 'device_id;name\nA;b', '"device_id;name"'],
  ])('%s is refused before any row', async (_what, text, message) => {
    await expect(csv(pieces(text, 100))).rejects.toMatchObject({
      code: 'invalid_payload',
      message: expect.stringContaining(message),
    })
  })

  test('what is not UTF-8, and a file that is not there', async () => {
    async function* latin() {
      yield Buffer.from('device_id,name\nA,R\xf6of\n', 'latin1')
    }
    await expect(csv(latin())).rejects.toMatchObject({
      code: 'invalid_payload',
      message: expect.stringContaining('UTF-8'),
    })
    await expect(csv('/nowhere/devices.csv')).rejects.toMatchObject({ code: 'invalid_options' })
  })
})

describe('JSON', () => {
  test('an array, in one line or many', async () => {
    const rows = [
      { device_id: 'A', metadata: { a: ['}', ']', '"'] } },
      { device_id: 'Bö', name: 'x\n\\"' },
    ]
    const expected = rows.map((row) => ({ line: expect.any(Number), row }))
    expect(await inPieces(json, JSON.stringify(rows))).toEqual(expected)
    expect(await inPieces(json, `\uFEFF \n${JSON.stringify(rows, null, 2)}\n`)).toEqual(expected)
    expect(await json(pieces('[]', 9))).toEqual([])
    expect(await json(pieces(' \n', 9))).toEqual([])
  })

  test('an object a line', async () => {
    const text = '{"device_id":"A"}\r\n\n{"device_id":"B"}\nnonsense\n[1]\n{"device_id":"C"}'
    expect(await inPieces(json, text)).toEqual([
      { line: 1, row: { device_id: 'A' } },
      { line: 3, row: { device_id: 'B' } },
      { line: 4, problem: 'the row is not JSON' },
      { line: 5, problem: 'the row is not a JSON object' },
      { line: 6, row: { device_id: 'C' } },
    ])
  })

  test('a bad element of an array fails alone, with its line', async () => {
    const text = [
      '[',
      '{"device_id":"A"},',
      '{"device_id":"B},',
      '"text", 17, null,',
      `{"device_id":"${'x'.repeat(ROW_MAX)}"},`,
      '{"device_id":"C"}',
      ']',
    ].join('\n')
    const rows = await inPieces(json, text)
    expect(rows.map((row) => ('row' in row ? row.row.device_id : row.line))).toEqual([
      'A',
      3,
      4,
      4,
      4,
      5,
      'C',
    ])
  })

  test('the error for an array that was closed too early names the line', async () => {
    const text = '[\n{"device_id":"A\n]},\n{"device_id":"B"}]'
    const rows = await json(pieces(text, 5))
    expect(rows.at(-1)).toEqual({ line: 3, problem: expect.stringContaining('not read') })
  })

  test('the error for an array that is not closed names the line', async () => {
    expect(await json(pieces('[{"device_id":"A"},\n{"device_id":', 5))).toEqual([
      { line: 1, row: { device_id: 'A' } },
      { line: 2, problem: expect.stringContaining('ends in the middle') },
    ])
  })
})

test('an id that has come is known, whatever else came', () => {
  const seen = new SeenIds()
  const ids = Array.from({ length: 20_000 }, (_, index) => `device-${index}`)
  expect(ids.every((id) => seen.add(id))).toBe(true)
  expect(ids.some((id) => seen.add(id))).toBe(false)
})

test('a column of another name for device_id is asked about', async () => {
  await expect(inPieces(csv, 'deviceId\nA')).rejects.toThrow(/"deviceId" \(did you mean device_id\?\)/)
})
