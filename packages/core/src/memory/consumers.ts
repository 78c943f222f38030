import type { MessageRef } from '../model/message.js'
import type {
  ConsumerFailure,
  ConsumerRecord,
  ConsumerStart,
  ConsumerStep,
  ConsumerStore,
  NewFailure,
} from '../ports/consumers.js'
import type { Page, PageRequest } from '../ports/storage.js'
import { logPosition, readNumericCursor, writeCursor } from '../rules/cursor.js'

interface ConsumerRow {
  record: Omit<ConsumerRecord, 'failures'>
  /** In the order in which they failed first. */
  readonly failures: Map<string, { readonly number: number; failure: ConsumerFailure }>
}

/** All durable consumers of one `memoryStorage()`. */
export class MemoryConsumers {
  readonly #rows = new Map<string, ConsumerRow>()
  #failures = 0

  list(): readonly ConsumerRecord[] {
    return [...this.#rows.values()].map(given).sort((a, b) => (a.name < b.name ? -1 : 1))
  }

  get(name: string): ConsumerRecord | null {
    const row = this.#rows.get(name)
    return row ? given(row) : null
  }

  open({ name, epoch, typeKeys, cursor, now }: ConsumerStart): ConsumerRecord | null {
    const row: ConsumerRow = this.#rows.get(name) ?? {
      record: { name, epoch, typeKeys, cursor, passed: 0, missed: 0, createdAt: now, updatedAt: now },
      failures: new Map(),
    }
    if (row.record.epoch > epoch) return null
    row.record = { ...row.record, epoch, typeKeys: [...typeKeys] }
    this.#rows.set(name, row)
    return given(row)
  }

  advance({ name, epoch, from, to, passed, setAside, now }: ConsumerStep): boolean {
    const row = this.#rows.get(name)
    if (row?.record.epoch !== epoch || row.record.cursor !== from) return false
    row.record = { ...row.record, cursor: to, passed: row.record.passed + passed, updatedAt: now }
    for (const failure of setAside) this.#setAside(row, failure)
    return true
  }

  seek(name: string, cursor: string | null, now: number): boolean {
    const row = this.#rows.get(name)
    if (!row) return false
    row.record = { ...row.record, cursor, updatedAt: now }
    return true
  }

  delete(name: string): boolean {
    return this.#rows.delete(name)
  }

  failures(name: string, { limit, cursor }: PageRequest): Page<ConsumerFailure> {
    const after = cursor === undefined ? 0 : readNumericCursor('failures', cursor).key
    const all = [...(this.#rows.get(name)?.failures.values() ?? [])].filter(({ number }) => number > after)
    const items = all.slice(0, limit)
    return {
      items: items.map(({ failure }) => failure),
      cursor: all.length > limit ? writeCursor('failures', items.at(-1)?.number ?? 0, 0) : null,
    }
  }

  requestRetry(name: string, ref: MessageRef | null): number {
    let asked = 0
    for (const [key, entry] of this.#rows.get(name)?.failures ?? []) {
      if (ref !== null && key !== keyOf(ref)) continue
      entry.failure = { ...entry.failure, due: true }
      asked++
    }
    return asked
  }

  dueRetries(name: string, limit: number): readonly ConsumerFailure[] {
    const all = [...(this.#rows.get(name)?.failures.values() ?? [])]
    return all.flatMap(({ failure }) => (failure.due ? failure : [])).slice(0, limit)
  }

  settleRetry(
    { name, epoch }: { readonly name: string; readonly epoch: number },
    ref: MessageRef,
    failure: NewFailure | null,
  ): boolean {
    const row = this.#rows.get(name)
    if (row?.record.epoch !== epoch) return false
    if (failure === null) row.failures.delete(keyOf(ref))
    else if (row.failures.has(keyOf(ref))) this.#setAside(row, failure)
    return true
  }

  skip(name: string, ref: MessageRef): boolean {
    return this.#rows.get(name)?.failures.delete(keyOf(ref)) ?? false
  }

  /** A message goes: for those who had not read it, it is missed. */
  messageRemoved(typeKey: string | null, position: number): void {
    for (const row of this.#rows.values()) {
      const { typeKeys, cursor, missed } = row.record
      if (typeKeys.includes(typeKey) && isBehind(position, cursor))
        row.record = { ...row.record, missed: missed + 1 }
    }
  }

  #setAside(row: ConsumerRow, failure: NewFailure): void {
    const key = keyOf(failure.ref)
    const before = row.failures.get(key)
    const firstFailedAt = before?.failure.firstFailedAt ?? failure.failedAt
    const entry = { ...failure, firstFailedAt, due: false }
    if (before) before.failure = entry
    else row.failures.set(key, { number: ++this.#failures, failure: entry })
  }
}

/** Not of a cursor that is none: its consumer cannot go on, and retention is not to blame. */
function isBehind(position: number, cursor: string | null): boolean {
  try {
    return position > logPosition(cursor)
  } catch {
    return false
  }
}

const keyOf = ({ typeKey, id }: MessageRef) => `${typeKey ?? ''}:${id}`
const given = ({ record, failures }: ConsumerRow): ConsumerRecord => ({ ...record, failures: failures.size })

export const consumerStore = (
  consumers: MemoryConsumers,
  run: <T>(work: () => T) => Promise<T>,
): ConsumerStore => ({
  list: () => run(() => consumers.list()),
  get: (name) => run(() => consumers.get(name)),
  open: (start) => run(() => consumers.open(start)),
  advance: (step) => run(() => consumers.advance(step)),
  seek: (name, cursor, now) => run(() => consumers.seek(name, cursor, now)),
  delete: (name) => run(() => consumers.delete(name)),
  failures: (name, page) => run(() => consumers.failures(name, page)),
  requestRetry: (name, ref) => run(() => consumers.requestRetry(name, ref)),
  dueRetries: (name, limit) => run(() => consumers.dueRetries(name, limit)),
  settleRetry: (writer, ref, failure) => run(() => consumers.settleRetry(writer, ref, failure)),
  skip: (name, ref) => run(() => consumers.skip(name, ref)),
})
