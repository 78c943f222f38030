import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DeviceHubError, isDeviceHubError } from '@devicehub/core'
import type { ImportedDevice, OutputWriter } from './import-output.js'
import type { OutputFormat } from './output-format.js'

const { O_CREAT, O_EXCL, O_NOFOLLOW, O_RDWR } = constants
const MODE = 0o600
const COPY_BYTES = 1 << 16

/** Bytes of the file, from the first to behind the last. */
interface Range {
  readonly start: number
  readonly end: number
}

/**
 * A file of secrets: readable by its owner alone, on disk when `write` has resolved. Rows that came to nothing are left
 * out when it is closed; a crash before that leaves them in.
 */
export class OutputFile implements OutputWriter {
  readonly #path: string
  readonly #format: OutputFormat
  #file: FileHandle
  #length = 0
  #rows = 0
  /** Where the rows of the last batch stand. */
  #last = new Map<string, Range>()
  readonly #discarded: Range[] = []

  private constructor(path: string, format: OutputFormat, file: FileHandle) {
    this.#path = path
    this.#format = format
    this.#file = file
  }

  static async open(path: string, format: OutputFormat, overwrite: boolean): Promise<OutputFile> {
    try {
      if (overwrite) await removeFile(path)
      const file = await open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, MODE)
      await syncFolder(path)
      const output = new OutputFile(path, format, file)
      await output.#append(Buffer.from(format.head))
      return output
    } catch (cause) {
      throw fileError(path, cause)
    }
  }

  async write(devices: readonly ImportedDevice[]): Promise<void> {
    this.#last = new Map()
    const rows: Buffer[] = []
    let at = this.#length
    for (const device of devices) {
      const row = Buffer.from(this.#format.row(device, this.#rows === 0))
      this.#rows++
      this.#last.set(device.deviceId, { start: at, end: at + row.length })
      at += row.length
      rows.push(row)
    }
    try {
      await this.#append(Buffer.concat(rows))
      await this.#file.datasync()
    } catch (cause) {
      throw fileError(this.#path, cause)
    }
  }

  discard(deviceIds: ReadonlySet<string>): void {
    for (const [deviceId, range] of this.#last) if (deviceIds.has(deviceId)) this.#discarded.push(range)
  }

  async close(): Promise<void> {
    try {
      if (this.#discarded.length > 0) await this.#rewrite()
      await this.#append(Buffer.from(this.#format.foot(this.#rows - this.#discarded.length)))
      await this.#file.datasync()
    } catch (cause) {
      throw fileError(this.#path, cause)
    } finally {
      await this.#file.close()
    }
  }

  async #append(bytes: Buffer): Promise<void> {
    await this.#file.appendFile(bytes)
    this.#length += bytes.length
  }

  /** A copy without what was discarded, in place of the file: at any moment one of the two is there, whole. */
  async #rewrite(): Promise<void> {
    const temporary = `${this.#path}.${randomUUID()}`
    const before = this.#file
    const copy = await open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, MODE)
    try {
      const length = await copyKept(before, copy, kept(this.#discarded, this.#length), this.#format)
      await copy.datasync()
      await rename(temporary, this.#path)
      await syncFolder(this.#path)
      this.#length = length
    } catch (error) {
      await copy.close()
      await unlink(temporary).catch(() => {})
      throw error
    }
    this.#file = copy
    await before.close()
  }
}

function kept(discarded: readonly Range[], length: number): Range[] {
  const ranges: Range[] = []
  let start = 0
  for (const hole of discarded) {
    if (hole.start > start) ranges.push({ start, end: hole.start })
    start = hole.end
  }
  if (length > start) ranges.push({ start, end: length })
  return ranges
}

/** The first row that is kept may not have been the first: its separator goes. */
async function copyKept(
  from: FileHandle,
  to: FileHandle,
  ranges: readonly Range[],
  { head, separator }: OutputFormat,
): Promise<number> {
  const headLength = Buffer.byteLength(head)
  const buffer = Buffer.alloc(COPY_BYTES)
  let written = 0
  for (const { start, end } of ranges) {
    let at = start
    while (at < end) {
      const { bytesRead } = await from.read(buffer, 0, Math.min(COPY_BYTES, end - at), at)
      if (bytesRead === 0) throw new Error('the file became shorter while it was written')
      at += bytesRead
      const piece = buffer.subarray(0, bytesRead)
      const extra = written === headLength && separator !== '' && piece.toString('latin1', 0, 1) === separator
      const bytes = extra ? piece.subarray(1) : piece
      await to.appendFile(bytes)
      written += bytes.length
    }
  }
  return written
}

async function removeFile(path: string): Promise<void> {
  const found = await lstat(path).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return null
    throw error
  })
  if (found === null) return
  if (!found.isFile())
    throw new DeviceHubError(
      'invalid_options',
      `The output file ${path} is a symbolic link or not a file; secrets are not written there. Name another one`,
    )
  await unlink(path)
}

/** The name of a new file is as durable as its folder. */
async function syncFolder(path: string): Promise<void> {
  // Windows cannot open folders, and needs none of it.
  const folder = await open(dirname(path), 'r').catch(() => null)
  if (folder === null) return
  try {
    await folder.sync().catch(() => {})
  } finally {
    await folder.close()
  }
}

function fileError(path: string, cause: unknown): DeviceHubError {
  if (isDeviceHubError(cause)) return cause
  const { code } = cause as NodeJS.ErrnoException
  const why =
    code === 'EEXIST'
      ? 'exists already; it may hold secrets that are nowhere else. Name another one, or set overwrite: true'
      : `cannot be written (${code ?? (cause as Error).message})`
  return new DeviceHubError('invalid_options', `The output file ${path} ${why}`, { cause })
}
