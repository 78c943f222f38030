import { type FileHandle, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { DeviceHubError } from '@devicehub/core/definition'
import { syncFolder } from '@devicehub-internal/async/files'
import { createGroupCommit } from './group-commit.js'
import { outboxFailed } from './outbox-errors.js'
import { openPrivate, readPrivate } from './private-files.js'
import { encodeRecord, findRecord, readRecord } from './record-format.js'
import { writeAll } from './write-all.js'

/** Bytes are base64. A later record of an id replaces the earlier. */
export type JournalRecord =
  | {
      readonly state: 'started'
      readonly id: string
      readonly command: string
      readonly correlationData: string | null
    }
  | {
      readonly state: 'finished'
      readonly id: string
      readonly command: string
      readonly correlationData: string | null
      /** The final reply as it goes out. */
      readonly reply: string
    }
  | { readonly state: 'delivered'; readonly id: string }

export interface CommandJournalOptions {
  /** Locked by the outbox. */
  readonly folder: string
  /** All records of a rewritten journal. */
  readonly snapshot: () => Iterable<JournalRecord>
  /** Called for each record that is there when it is opened, in order. */
  readonly onRecord: (record: JournalRecord) => void
  /** Errors that no call can reject with: damage that was found, a journal that cannot be rewritten. */
  readonly onError: (error: DeviceHubError) => void
}

/** Started and finished commands, in one file of records that is rewritten when it has grown. */
export interface CommandJournal {
  /** Resolves when it is on disk; `outbox_failed` when it cannot be written, and then nothing of it stays. */
  append(record: JournalRecord): Promise<void>
  /** Resolves when nothing waits for the disk. */
  close(): Promise<void>
}

/** Below this size the file is not rewritten. */
const SMALLEST_TO_COMPACT = 256 << 10

export async function openCommandJournal(options: CommandJournalOptions): Promise<CommandJournal> {
  const { folder, onError } = options
  const path = journalIn(folder)
  let file: FileHandle | null = null
  let bytes = 0
  let sequence = 1
  /** The file has an incomplete end that could not be cut off, or damage: it is rewritten before anything is appended. */
  let spoiled = false
  let compactAt = SMALLEST_TO_COMPACT
  let compactionFailed = false

  /** Writes the current records to a new file that replaces the old one; at every moment there is one of them. */
  async function compact(): Promise<void> {
    const records = [...options.snapshot()].map(encode)
    const next = `${path}.new`
    const fresh = await openPrivate(next, 'w')
    try {
      await writeAll(fresh, Buffer.concat(records), 0)
      await fresh.sync()
      await rename(next, path)
      await syncFolder(folder)
    } catch (error) {
      await fresh.close().catch(() => {})
      await rm(next, { force: true }).catch(() => {})
      throw error
    }
    await file?.close().catch(() => {})
    file = fresh
    bytes = records.reduce((sum, { byteLength }) => sum + byteLength, 0)
    compactAt = Math.max(SMALLEST_TO_COMPACT, bytes * 2)
    spoiled = false
    compactionFailed = false
  }

  const encode = (record: JournalRecord): Buffer =>
    encodeRecord(sequence++, Buffer.from(JSON.stringify(record)))

  async function write(bodies: readonly Buffer[]): Promise<readonly (Error | null)[]> {
    try {
      if (spoiled) await compact()
      else if (bytes > compactAt) await compact().catch(compactionRefused)
      await append(bodies.map((body) => encodeRecord(sequence++, body)))
      return bodies.map(() => null)
    } catch (cause) {
      const error = outboxFailed('writing to', folder, cause)
      return bodies.map(() => error)
    }
  }

  function compactionRefused(cause: unknown): void {
    // The old file still works: the next try is when it has grown again.
    compactAt = bytes + SMALLEST_TO_COMPACT
    if (!compactionFailed) onError(outboxFailed('making room in', folder, cause))
    compactionFailed = true
  }

  async function append(records: readonly Buffer[]): Promise<void> {
    if (file === null) {
      // `a` would write at the end whatever the position, `r+` makes no file.
      file = await openPrivate(path, 'keep')
      await syncFolder(folder)
    }
    const added = Buffer.concat(records)
    try {
      await writeAll(file, added, bytes)
      await file.datasync()
    } catch (error) {
      await file.truncate(bytes).catch(() => {
        spoiled = true
      })
      throw error
    }
    bytes += added.byteLength
  }

  try {
    await rm(`${path}.new`, { force: true })
    const content = await contentOf(path)
    const { damaged, ...read } = readRecords(content, options.onRecord)
    bytes = read.bytes
    sequence = read.sequence
    if (bytes < content.length) {
      file = await openPrivate(path, 'r+')
      await file.truncate(bytes)
      await file.sync()
    }
    if (damaged > 0) {
      const message = `${damaged} places in the journal of commands in ${folder} are damaged and were skipped: is the disk worn out? A command recorded there may be executed again`
      onError(new DeviceHubError('outbox_failed', message, { details: { folder, corrupt: damaged } }))
      // Otherwise each start would report it again.
      await compact().catch(compactionRefused)
    }
  } catch (error) {
    throw outboxFailed('reading the commands in', folder, error)
  }

  // How much can wait is bounded by how many commands can run.
  const group = createGroupCommit({
    maxQueued: Number.POSITIVE_INFINITY,
    maxQueuedBytes: Number.POSITIVE_INFINITY,
    write,
  })

  let closed = false
  return {
    append(record) {
      // The folder may be another client's by now.
      if (closed) return Promise.reject(new DeviceHubError('closed', 'the client was closed'))
      return group.push([Buffer.from(JSON.stringify(record))])
    },
    async close() {
      closed = true
      await group.idle()
      await file?.close()
      file = null
    },
  }
}

/** For a folder that cannot be written: the records in it are read all the same. */
export async function readCommandJournal(
  folder: string,
  onRecord: (record: JournalRecord) => void,
): Promise<void> {
  readRecords(await contentOf(journalIn(folder)), onRecord)
}

const journalIn = (folder: string) => join(folder, 'commands.journal')

/** How many bytes are whole records, how often in between there are others, and the next sequence number. */
function readRecords(content: Buffer, onRecord: (record: JournalRecord) => void) {
  let sequence = 1
  let damaged = 0
  let at = 0
  while (at < content.length) {
    const { record } = readRecord(content, at)
    if (record !== null) {
      onRecord(JSON.parse(record.body.toString()) as JournalRecord)
      sequence = Math.max(sequence, record.sequence + 1)
      at = record.end
      continue
    }
    const found = findRecord(content, at + 1)
    // Torn: the process died or the power failed during the write, which was never confirmed.
    if (found === -1) break
    damaged++
    at = found
  }
  return { bytes: at, sequence, damaged }
}

async function contentOf(path: string): Promise<Buffer> {
  try {
    return await readPrivate(path)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return Buffer.alloc(0)
    throw error
  }
}
