import { createReadStream } from 'node:fs'
import { DeviceHubError } from '@devicehub/core'
import type { TextSource } from './import-source.js'

/** Pieces of text of any length, without the byte order mark. `invalid_payload` when it is not UTF-8, `invalid_options` for a file that cannot be read. */
export async function* readText(source: TextSource): AsyncGenerator<string> {
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let first = true
  const clean = (text: string) => {
    if (text === '') return text
    const cleaned = first && text.startsWith('\uFEFF') ? text.slice(1) : text
    first = false
    return cleaned
  }
  const chunks = typeof source === 'string' ? createReadStream(source) : source
  try {
    for await (const chunk of chunks)
      yield clean(typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }))
    yield clean(decoder.decode())
  } catch (cause) {
    throw readError(cause, source)
  }
}

function readError(cause: unknown, source: TextSource): unknown {
  const code = (cause as { code?: unknown }).code
  if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
    return new DeviceHubError(
      'invalid_payload',
      'The source of the import is not UTF-8; convert it. Rows before the first wrong byte are imported',
      { cause },
    )
  if (
    typeof source === 'string' &&
    typeof code === 'string' &&
    code.startsWith('E') &&
    !code.startsWith('ERR')
  )
    return new DeviceHubError('invalid_options', `The file ${source} cannot be read (${code})`, { cause })
  return cause
}

/** The lines of a text, without their ends (LF or CRLF). One that is longer than `max` comes as null. */
export async function* readLines(text: AsyncIterable<string>, max: number): AsyncGenerator<string | null> {
  let rest = ''
  let skipping = false
  for await (const chunk of text) {
    let start = 0
    for (let end = chunk.indexOf('\n'); end !== -1; end = chunk.indexOf('\n', start)) {
      const line = rest + chunk.slice(start, end)
      yield skipping || line.length > max ? null : line.endsWith('\r') ? line.slice(0, -1) : line
      rest = ''
      skipping = false
      start = end + 1
    }
    rest += chunk.slice(start)
    if (rest.length > max) {
      skipping = true
      rest = ''
    }
  }
  if (skipping) yield null
  else if (rest !== '') yield rest
}
