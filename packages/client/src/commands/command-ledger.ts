import { DeviceHubError } from '@devicehub/core/definition'
import {
  type CommandJournal,
  type JournalRecord,
  openCommandJournal,
  readCommandJournal,
} from '../outbox/command-journal.js'
import { toBase64 } from '../plain-value.js'

/** A command that was given an id, from its arrival until it is forgotten. */
export interface LedgerEntry {
  readonly id: string
  readonly command: string
  /** Of its last delivery. */
  correlationData: Uint8Array | null
  /** The final reply as it goes out; null while the handler runs. */
  reply: Uint8Array | null
  /** The broker has confirmed the final reply. */
  delivered: boolean
  /** Settles when all of the above is on disk; rejects with `outbox_failed`. Without a journal it is resolved. */
  stored: Promise<void>
}

export interface CommandLedgerOptions {
  /** Of the outbox, which holds its lock; null remembers in memory only. */
  readonly folder: string | null
  /** Finished commands whose ids and replies are kept. */
  readonly remembered: number
  readonly onError: (error: DeviceHubError) => void
}

/**
 * Which commands were started, and how they ended, so that none is executed twice. With a folder this survives the
 * process.
 */
export interface CommandLedger {
  /**
   * Reads the journal. Resolves with the commands that an earlier process started and did not finish. `readonly`: the folder cannot
   * be written; what is noted there counts as far as it can be read, and what is to be noted is kept in memory.
   */
  open(readonly?: 'readonly'): Promise<readonly LedgerEntry[]>
  get(id: string): LedgerEntry | undefined
  start(command: Pick<LedgerEntry, 'id' | 'command' | 'correlationData'>): LedgerEntry
  finish(entry: Pick<LedgerEntry, 'id' | 'command' | 'correlationData'>, reply: Uint8Array): LedgerEntry
  /** The reply is no longer sent again on its own. */
  delivered(entry: LedgerEntry): void
  /** Finished, and no broker has confirmed the reply. */
  undelivered(): LedgerEntry[]
  /** Resolves when all is on disk. */
  close(): Promise<void>
}

/** Bytes of all remembered replies: beyond it the oldest are forgotten. */
const MAX_REPLY_BYTES = 16 << 20

export function createCommandLedger(options: CommandLedgerOptions): CommandLedger {
  const { folder, remembered, onError } = options
  const running = new Map<string, LedgerEntry>()
  /** In the order they were finished. */
  const finished = new Map<string, LedgerEntry>()
  let replyBytes = 0
  let journal: CommandJournal | null = null
  let reading = false
  let wasRead = false

  function write(record: JournalRecord): Promise<void> {
    const stored = journal?.append(record) ?? Promise.resolve()
    // Callers that need to know await `stored`.
    stored.catch(() => {})
    return stored
  }

  function forget(entry: LedgerEntry): void {
    finished.delete(entry.id)
    replyBytes -= entry.reply?.byteLength ?? 0
  }

  function remember(entry: LedgerEntry): void {
    running.delete(entry.id)
    finished.set(entry.id, entry)
    replyBytes += entry.reply?.byteLength ?? 0
    for (const oldest of finished.values()) {
      if (finished.size === 1 || (finished.size <= remembered && replyBytes <= MAX_REPLY_BYTES)) break
      forget(oldest)
      if (oldest.delivered || reading) continue
      const message = `the reply to the command ${oldest.command} (${oldest.id}) was never confirmed and is given up: ${remembered} later ones are remembered`
      onError(new DeviceHubError('publish_failed', message, { details: { id: oldest.id } }))
    }
  }

  function read(record: JournalRecord): void {
    const { id } = record
    const before = finished.get(id)
    if (record.state === 'delivered') {
      if (before !== undefined) before.delivered = true
      return
    }
    if (before !== undefined) forget(before)
    const entry = entryOf(record)
    if (record.state === 'started') running.set(id, entry)
    else remember(entry)
  }

  /** All records of a rewritten journal, including those not on disk yet. */
  function* snapshot(): Iterable<JournalRecord> {
    for (const entry of finished.values()) {
      yield finishedRecord(entry)
      if (entry.delivered) yield { state: 'delivered', id: entry.id }
    }
    for (const entry of running.values()) yield startedRecord(entry)
  }

  return {
    async open(readonly) {
      if (folder === null || journal !== null || (readonly && wasRead)) return []
      // What is beyond the bounds was forgotten before, and reported then.
      reading = true
      try {
        if (readonly === 'readonly') await readCommandJournal(folder, read).catch(() => {})
        else journal = await openCommandJournal({ folder, snapshot, onRecord: read, onError })
      } finally {
        reading = false
      }
      wasRead = true
      return [...running.values()]
    },
    get: (id) => running.get(id) ?? finished.get(id),
    start({ id, command, correlationData }) {
      const entry: LedgerEntry = {
        id,
        command,
        correlationData,
        reply: null,
        delivered: false,
        stored: Promise.resolve(),
      }
      running.set(id, entry)
      entry.stored = write(startedRecord(entry))
      return entry
    },
    finish({ id, command, correlationData }, reply) {
      const before = finished.get(id)
      if (before !== undefined) forget(before)
      const entry: LedgerEntry = running.get(id) ??
        before ?? { id, command, correlationData, reply, delivered: false, stored: Promise.resolve() }
      entry.reply = reply
      remember(entry)
      entry.stored = write(finishedRecord(entry))
      return entry
    },
    delivered(entry) {
      if (entry.delivered) return
      entry.delivered = true
      // If this record is lost, the reply is sent once more.
      if (finished.has(entry.id)) void write({ state: 'delivered', id: entry.id })
    },
    undelivered: () => [...finished.values()].filter(({ delivered }) => !delivered),
    async close() {
      await journal?.close()
    },
  }
}

const startedRecord = ({ id, command, correlationData }: LedgerEntry): JournalRecord => ({
  state: 'started',
  id,
  command,
  correlationData: correlationData === null ? null : toBase64(correlationData),
})

const finishedRecord = ({ id, command, correlationData, reply }: LedgerEntry): JournalRecord => ({
  state: 'finished',
  id,
  command,
  correlationData: correlationData === null ? null : toBase64(correlationData),
  reply: reply === null ? '' : toBase64(reply),
})

const entryOf = (record: Exclude<JournalRecord, { state: 'delivered' }>): LedgerEntry => ({
  id: record.id,
  command: record.command,
  correlationData: record.correlationData === null ? null : Buffer.from(record.correlationData, 'base64'),
  reply: record.state === 'finished' ? Buffer.from(record.reply, 'base64') : null,
  delivered: false,
  stored: Promise.resolve(),
})
