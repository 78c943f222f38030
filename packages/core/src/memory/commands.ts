import type {
  CommandChange,
  CommandClaimRequest,
  CommandFilter,
  CommandOutcome,
  CommandProgress,
  CommandRecord,
  CreateOutcome,
  NewCommand,
} from '../ports/commands.js'
import type { Page, PageRequest } from '../ports/storage.js'
import { applyCommandChange } from '../rules/apply-command-change.js'
import {
  BLOCKED_MS,
  isBlocked,
  type JudgedCommand,
  judgeNewCommands,
  NEW_PROGRESS,
  type NewCommandRows,
  type QueuedAhead,
} from '../rules/command-order.js'
import { readNumericCursor, writeCursor } from '../rules/cursor.js'
import { bytesOf, pageOf } from '../rules/page-of.js'
import { isFinal } from '../rules/states.js'
import { commandExists } from '../rules/storage-errors.js'
import type { OpenedMemory } from './opened-memory.js'
import { type Row, RowList } from './row-list.js'

interface CommandRow extends Row {
  readonly seq: number
  readonly given: Omit<NewCommand, 'type' | 'within'>
  readonly typeKey: string
  /** By the monotonic clock, as everything that decides. */
  readonly expiresAt: number
  progress: CommandProgress
  claim: string | null
  /** When it has to be looked at again; the end of its claim, if it has one. */
  nextAt: number
}

/** Whether a command is shown to who asks. */
export type IsVisible = (row: Pick<CommandRow, 'typeKey' | 'given'>) => boolean

/** The ledger of one `memoryStorage()`. Its database's clock is the process's monotonic one. */
export class MemoryCommands {
  readonly #rows = new RowList<CommandRow>((a, b) => a.seq - b.seq)
  readonly #byId = new Map<string, CommandRow>()
  readonly #open = new Set<CommandRow>()
  #seq = 0

  get size(): number {
    return this.#byId.size
  }

  create(
    opened: OpenedMemory,
    commands: readonly NewCommand[],
    claim: CommandClaimRequest | null,
    isWithin: (command: NewCommand) => boolean,
  ): CreateOutcome[] {
    const ids = new Set(commands.map(({ id }) => id))
    if (ids.size < commands.length || commands.some(({ id }) => this.#byId.has(id))) throw commandExists()
    const rows: NewCommandRows = {
      isWithin,
      device: (type, deviceId) => opened.tableOf(type).devices.get(deviceId)?.record ?? null,
      ahead: (type, deviceId) => this.#ahead(type.key, deviceId, Number.POSITIVE_INFINITY, claim?.claim),
    }
    const judged = judgeNewCommands(commands, rows, claim)
    commands.forEach((command, index) => {
      const { outcome, dueIn } = judged[index] as JudgedCommand
      if (outcome === 'claimed' || outcome === 'queued')
        this.#add(command, outcome === 'claimed' ? (claim?.claim ?? null) : null, dueIn)
    })
    return judged.map(({ outcome }) => outcome)
  }

  #add({ type, within: _, ...given }: NewCommand, claim: string | null, dueIn: number): void {
    const now = performance.now()
    const row: CommandRow = {
      removed: false,
      seq: ++this.#seq,
      given,
      typeKey: type.key,
      expiresAt: now + given.expiresIn,
      progress: NEW_PROGRESS,
      claim,
      nextAt: now + dueIn,
    }
    this.#rows.add(row)
    this.#byId.set(given.id, row)
    this.#open.add(row)
  }

  /** What is queued for the device before that place, and not this caller's. */
  #ahead(typeKey: string, deviceId: string, seq: number, claim: string | undefined): QueuedAhead {
    const ahead = { any: false, send: false }
    for (const other of this.#open) {
      if (other.seq >= seq || other.typeKey !== typeKey || other.given.deviceId !== deviceId) continue
      if (other.progress.state !== 'queued' || (other.claim !== null && other.claim === claim)) continue
      ahead.any = true
      ahead.send ||= other.given.onOffline === 'send'
    }
    return ahead
  }

  find(ids: readonly string[], isVisible: IsVisible = () => true): CommandRecord[] {
    return [...new Set(ids)].flatMap((id) => {
      const row = this.#byId.get(id)
      return row && isVisible(row) ? [recordOf(row)] : []
    })
  }

  list(filter: CommandFilter, page: PageRequest, isVisible: IsVisible = () => true): Page<CommandRecord> {
    const before = page.cursor === undefined ? null : readNumericCursor('commands', page.cursor).key
    const rows = this.#rows.descending(undefined, ({ seq }) => before !== null && seq >= before)
    return pageOf(rows, page, {
      matches: ({ typeKey, given, progress }) =>
        isVisible({ typeKey, given }) &&
        (filter.typeKey === undefined || typeKey === filter.typeKey) &&
        (filter.deviceId === undefined || given.deviceId === filter.deviceId) &&
        (filter.states?.includes(progress.state) ?? true) &&
        (filter.command === undefined || given.command === filter.command) &&
        (filter.batch === undefined || given.batch === filter.batch),
      toItem: recordOf,
      cursorOf: ({ seq }) => writeCursor('commands', seq, 0),
      bytesOf: ({ given, progress }) => bytesOf(given.payload, progress.result),
    })
  }

  claimDue({ claim, ttl, types, limit }: CommandClaimRequest & { readonly limit: number }): CommandRecord[] {
    const now = performance.now()
    const due = [...this.#open]
      .filter((row) => row.nextAt <= now && (types.includes(row.typeKey) || !isToPublish(row, now)))
      .sort((a, b) => a.nextAt - b.nextAt || a.seq - b.seq)
      .slice(0, limit)
    for (const row of due) {
      row.claim = claim
      row.nextAt = now + ttl
    }
    const taken = due.filter((row) => {
      const { given, typeKey, seq } = row
      const isWaiting = row.progress.state === 'queued' && row.expiresAt > now
      if (!isWaiting || !isBlocked(given.onOffline, this.#ahead(typeKey, given.deviceId, seq, claim)))
        return true
      row.claim = null
      row.nextAt = now + BLOCKED_MS
      return false
    })
    return taken.sort((a, b) => a.seq - b.seq).map(recordOf)
  }

  release(claim: string, ids: readonly string[], delay: number): void {
    for (const id of ids) {
      const row = this.#byId.get(id)
      if (row?.claim !== claim || isFinal(row.progress.state)) continue
      row.claim = null
      row.nextAt = performance.now() + delay
    }
  }

  wake(typeKey: string, deviceIds: ReadonlySet<string>): void {
    const now = performance.now()
    for (const row of this.#open)
      if (
        row.typeKey === typeKey &&
        deviceIds.has(row.given.deviceId) &&
        row.progress.state === 'queued' &&
        (row.claim === null || row.nextAt <= now)
      )
        row.nextAt = Math.min(row.nextAt, now)
  }

  change(typeKey: string, deviceId: string | null, change: CommandChange): CommandOutcome {
    const row = this.#byId.get(change.id)
    if (row === undefined || row.typeKey !== typeKey || row.given.deviceId !== deviceId)
      return { applied: false, record: null, flag: 'unknown_command' }
    const { next, applied, flag, reschedule } = applyCommandChange(row.progress, change)
    row.progress = next
    if (reschedule) {
      row.nextAt = performance.now() + (change.dueIn ?? 0)
      row.claim = null
    }
    if (isFinal(next.state)) this.#close(row)
    return { applied, record: recordOf(row), flag }
  }

  cancelOf(typeKey: string, deviceId: string, reason: string, now: number): void {
    for (const row of this.#open)
      if (row.typeKey === typeKey && row.given.deviceId === deviceId) {
        row.progress = { ...row.progress, state: 'cancelled', reason, finishedAt: now }
        this.#close(row)
      }
  }

  #close(row: CommandRow): void {
    this.#open.delete(row)
    row.claim = null
  }

  /** Finished ones that match, oldest first, as long as `more` says so. */
  removeFinished(more: (typeKey: string, progress: CommandProgress) => boolean): number {
    let removed = 0
    for (const row of this.#rows.ascending()) {
      if (!isFinal(row.progress.state) || !more(row.typeKey, row.progress)) continue
      row.removed = true
      this.#rows.released()
      this.#byId.delete(row.given.id)
      removed++
    }
    return removed
  }
}

const isToPublish = ({ progress, given, expiresAt }: CommandRow, now: number): boolean =>
  expiresAt > now &&
  (progress.state === 'queued' || (progress.state === 'sent' && progress.attempts <= given.retries))

const recordOf = ({ given, typeKey, progress, expiresAt }: CommandRow): CommandRecord => ({
  ...given,
  ...progress,
  typeKey,
  expiresAt: given.createdAt + given.expiresIn,
  expiresIn: expiresAt - performance.now(),
})
