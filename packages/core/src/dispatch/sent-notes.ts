import type { IngestOutcome } from '../ingest/ingest.js'
import type { OwnMessage } from '../ingest/own-message.js'

/** A row that says that a command was published. */
export type SentNote = OwnMessage

export interface SentNotes {
  /** Resolves after the commit of the note, which waits for the reply for a short while. `timeout`: of the command, in milliseconds. */
  add(commandId: string, note: SentNote, timeout: number): Promise<IngestOutcome>
  /** Something else is going to be recorded of the command: its note goes before. */
  release(commandId: string): void
  /** Holds back nothing any more. */
  close(): void
}

/** Milliseconds that a note waits for the reply of a device that is quick. */
const HOLD = 50
/** Of a command whose timeout is not far longer, the note is written at once: the timeout counts from there. */
const HELD_TIMEOUT_MIN = HOLD * 20

interface Held {
  readonly note: SentNote
  readonly timeout: number
  readonly since: number
  readonly done: (outcome: Promise<IngestOutcome>) => void
}

/**
 * Notes of publications on their way into the ledger. Nobody waits for one, so it is held back until the device's reply
 * takes it along: one transaction for both. A process that dies first leaves the command as it claimed it, and after the
 * claim's time another one publishes it again.
 */
export function createSentNotes(record: (note: SentNote) => Promise<IngestOutcome>): SentNotes {
  /** The oldest first. */
  const held = new Map<string, Held>()
  let timer: NodeJS.Timeout | undefined
  let closed = false

  function write(commandId: string, { note, timeout, since, done }: Held): void {
    held.delete(commandId)
    const { command } = note
    // The timeout counts from the publication.
    const dueIn = Math.max(1, Math.round(timeout - (performance.now() - since)))
    done(record({ ...note, command: command ? { ...command, dueIn } : null }))
  }

  function release(commandId: string): void {
    const found = held.get(commandId)
    if (found !== undefined) write(commandId, found)
  }

  function writeOldest(): void {
    timer = undefined
    for (const [commandId, one] of held) {
      const age = performance.now() - one.since
      // A timer may fire a little early.
      if (age < HOLD - 1) {
        timer = setTimeout(writeOldest, HOLD - age)
        return
      }
      write(commandId, one)
    }
  }

  return {
    add(commandId, note, timeout) {
      if (closed || timeout < HELD_TIMEOUT_MIN) return record(note)
      // Of an earlier publication of the same command.
      release(commandId)
      return new Promise((done) => {
        held.set(commandId, { note, timeout, since: performance.now(), done })
        timer ??= setTimeout(writeOldest, HOLD)
      })
    },
    release,
    close() {
      closed = true
      clearTimeout(timer)
      for (const [commandId, one] of held) write(commandId, one)
    },
  }
}
