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
import { readNumericCursor, writeCursor } from '../rules/cursor.js'
import { bytesOf, pageOf } from '../rules/page-of.js'
import { isFinal, isReachable } from '../rules/states.js'
import { commandExists } from '../rules/storage-errors.js'
import { type Row, RowList } from './row-list.js'
import type { Session } from './session.js'

interface CommandRow extends Row {
  readonly seq: number
  readonly given: Omit<NewCommand, 'type'>
  readonly typeKey: string
  /** By the monotonic clock, as everything that decides. */
  readonly expiresAt: number
  progress: CommandProgress
  claim: string | null
  /** When it has to be looked at again; the end of its claim, if it has one. */
  nextAt: number
}

/** Until an earlier command of the same device, which another caller has, is out of the way. */
const BLOCKED_MS = 200

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
    session: Session,
    commands: readonly NewCommand[],
    claim: CommandClaimRequest | null,
  ): CreateOutcome[] {
    const ids = new Set(commands.map(({ id }) => id))
    if (ids.size < commands.length || commands.some(({ id }) => this.#byId.has(id))) throw commandExists()
    return commands.map((command) => this.#createOne(session, command, claim))
  }

  #createOne(session: Session, command: NewCommand, claim: CommandClaimRequest | null): CreateOutcome {
    const { type, ...given } = command
    const device = session.tableOf(type).devices.get(command.deviceId)?.record
    if (device === undefined) return 'device_not_found'
    if (!device.isActive) return 'device_inactive'
    const reachable = isReachable(device.status)
    if (!reachable && command.onOffline === 'fail') return 'device_offline'
    const now = performance.now()
    const row: CommandRow = {
      removed: false,
      seq: ++this.#seq,
      given,
      typeKey: type.key,
      expiresAt: now + command.expiresIn,
      progress: NEW,
      claim: null,
      nextAt: now,
    }
    const goes = reachable || command.onOffline === 'send'
    const claimed = goes && claim?.types.includes(type.key) === true && !this.#isBlocked(row, claim.claim)
    if (claimed) {
      row.claim = claim.claim
      row.nextAt = now + claim.ttl
    } else if (!goes) row.nextAt = row.expiresAt
    this.#rows.add(row)
    this.#byId.set(command.id, row)
    this.#open.add(row)
    return claimed ? 'claimed' : 'queued'
  }

  /** Whether an earlier queued command of its device is not this caller's. */
  #isBlocked(row: CommandRow, claim: string): boolean {
    for (const other of this.#open) {
      if (other.seq >= row.seq) continue
      if (other.typeKey !== row.typeKey || other.given.deviceId !== row.given.deviceId) continue
      if (other.progress.state !== 'queued' || other.claim === claim) continue
      if (row.given.onOffline === 'send' && other.given.onOffline !== 'send') continue
      return true
    }
    return false
  }

  find(ids: readonly string[]): CommandRecord[] {
    return [...new Set(ids)].flatMap((id) => {
      const row = this.#byId.get(id)
      return row ? [recordOf(row)] : []
    })
  }

  list(filter: CommandFilter, page: PageRequest): Page<CommandRecord> {
    const before = page.cursor === undefined ? null : readNumericCursor('commands', page.cursor).key
    const rows = this.#rows.descending(undefined, ({ seq }) => before !== null && seq >= before)
    return pageOf(rows, page, {
      matches: ({ typeKey, given, progress }) =>
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
      if (row.progress.state !== 'queued' || row.expiresAt <= now || !this.#isBlocked(row, claim)) return true
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

const NEW: CommandProgress = {
  state: 'queued',
  attempts: 0,
  sentAt: null,
  acceptedAt: null,
  finishedAt: null,
  result: null,
  reason: null,
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
