import { closeSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs'

/** Lines of JSON in a file: what `append` returned for is on the disk, whole. */
export function openJournal(file: string) {
  const handle = openSync(file, 'a+')
  const bytes = readFileSync(handle)
  let end = bytes.lastIndexOf('\n') + 1
  // A line that was being written when the process ended: nobody was told that it is there.
  if (end < bytes.length) ftruncateSync(handle, end)
  const lines = bytes.subarray(0, end).toString().split('\n').slice(0, -1)
  return {
    entries: lines.map((line): unknown => JSON.parse(line, toBytes)),
    /** What the next start will read. */
    append(entry: unknown): unknown {
      const text = JSON.stringify(entry, fromBytes)
      const line = Buffer.from(`${text}\n`)
      try {
        for (let at = 0; at < line.length; ) at += writeSync(handle, line, at)
        fsyncSync(handle)
        end += line.length
        return JSON.parse(text, toBytes)
      } catch (error) {
        ftruncateSync(handle, end)
        throw error
      }
    },
    close: () => closeSync(handle),
  }
}

/** JSON has no bytes. What was a Buffer is turned into JSON before this sees it: `this` has it as it was. */
function fromBytes(this: Record<string, unknown>, key: string, value: unknown): unknown {
  const own = this[key]
  return own instanceof Uint8Array ? { $bytes: Buffer.from(own).toString('base64') } : value
}

function toBytes(_key: string, value: unknown): unknown {
  const text = (value as { readonly $bytes?: unknown } | null)?.$bytes
  return typeof text === 'string' ? Uint8Array.from(Buffer.from(text, 'base64')) : value
}
