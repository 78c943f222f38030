import { randomUUID } from 'node:crypto'
import { constants } from 'node:fs'
import { type FileHandle, lstat, open, rename, unlink } from 'node:fs/promises'
import { dirname } from 'node:path'
import { DeviceHubError, isDeviceHubError } from '@devicehub/core'
import { syncFolder } from '@devicehub-internal/async/files'
import type { ImportedDevice, OutputWriter } from './imported-device.js'
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
 * A file of secrets: readable by its owner alone, on disk when `write` has resolved. It is written aside, in the same
 * folder, and takes its name with the first row: until then a file of that name stays as it is, and where no row comes
 * it stays for good. Rows that came to nothing are left out when it is closed; a crash before that leaves them in.
 */
export class OutputFile implements OutputWriter {
  readonly #path: string
  readonly #format: OutputFormat
  readonly #overwrite: boolean
  #file: FileHandle
  /** Where it is written until it has its name; null once it has. */
  #aside: string | null
  #length = 0
  #rows = 0
  /** Where the rows of the last batch stand. */
  #last = new Map<string, Range>()
  readonly #discarded: Range[] = []

  private constructor(
    path: string,
    format: OutputFormat,
    overwrite: boolean,
    aside: string,
    file: FileHandle,
  ) {
    this.#path = path
    this.#format = format
    this.#overwrite = overwrite
    this.#aside = aside
    this.#file = file
  }

  static async open(path: string, format: OutputFormat, overwrite: boolean): Promise<OutputFile> {
    try {
      await checkPlace(path, overwrite)
      const aside = asideOf(path)
      const file = await openNew(aside)
      const output = new OutputFile(path, format, overwrite, aside, file)
      try {
        await output.#append(Buffer.from(format.head))
      } catch (error) {
        await output.#abandon()
        throw error
      }
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
      await this.#place()
    } catch (cause) {
      throw fileError(this.#path, cause)
    }
  }

  discard(deviceIds: ReadonlySet<string>): void {
    for (const [deviceId, range] of this.#last) if (deviceIds.has(deviceId)) this.#discarded.push(range)
  }

  async close(complete: boolean): Promise<void> {
    // Nothing was issued: an older file has the secrets that there are, and a failed import leaves none behind.
    if (this.#aside !== null && (!complete || (await exists(this.#path)))) return this.#abandon()
    try {
      if (this.#discarded.length > 0) await this.#rewrite()
      await this.#append(Buffer.from(this.#format.foot(this.#rows - this.#discarded.length)))
      await this.#file.datasync()
      await this.#place()
    } catch (cause) {
      throw fileError(this.#path, cause)
    } finally {
      await this.#file.close()
    }
  }

  /** Gives it its name: at any moment the old file is there or this one, whole. */
  async #place(): Promise<void> {
    if (this.#aside === null) return
    // Somebody else may have made one meanwhile: only who makes the name may replace what is behind it.
    if (!this.#overwrite) await (await openNew(this.#path)).close()
    await rename(this.#aside, this.#path)
    this.#aside = null
    await syncFolder(dirname(this.#path))
  }

  async #abandon(): Promise<void> {
    await this.#file.close()
    if (this.#aside !== null) await unlink(this.#aside).catch(() => {})
  }

  async #append(bytes: Buffer): Promise<void> {
    await this.#file.appendFile(bytes)
    this.#length += bytes.length
  }

  /** A copy without what was discarded, in place of the file: at any moment one of the two is there, whole. */
  async #rewrite(): Promise<void> {
    const temporary = asideOf(this.#path)
    const before = this.#file
    const copy = await openNew(temporary)
    try {
      const length = await copyKept(before, copy, kept(this.#discarded, this.#length), this.#format)
      await copy.datasync()
      await rename(temporary, this.#path)
      await syncFolder(dirname(this.#path))
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

/** `EEXIST` for a file that must not be replaced; a link or a folder is not written to at all. */
async function checkPlace(path: string, overwrite: boolean): Promise<void> {
  const found = await lstat(path).catch(notThere)
  if (found === null) return
  if (!overwrite) throw Object.assign(new Error(`${path} exists`), { code: 'EEXIST' })
  if (!found.isFile())
    throw new DeviceHubError(
      'invalid_options',
      `The output file ${path} is a symbolic link or not a file; secrets are not written there. Name another one`,
    )
}

const asideOf = (path: string): string => `${path}.${randomUUID()}`

const exists = async (path: string): Promise<boolean> => (await lstat(path).catch(notThere)) !== null

/** A file that nobody has, for its owner alone whatever the umask takes away. */
async function openNew(path: string): Promise<FileHandle> {
  const file = await open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, MODE)
  await file.chmod(MODE)
  return file
}

function notThere(error: NodeJS.ErrnoException): null {
  if (error.code === 'ENOENT') return null
  throw error
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
