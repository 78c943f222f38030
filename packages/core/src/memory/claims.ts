import { DeviceHubError } from '../model/errors.js'
import type { ClaimKeyRecord, ClaimOutcome, ClaimRequestRecord } from '../ports/claims.js'
import type { Page, PageRequest } from '../ports/storage.js'
import type { TwinKey } from '../ports/twins.js'
import { readCursor, writeCursor } from '../rules/cursor.js'
import { judgeClaim } from '../rules/judge-claim.js'
import { pageOf } from '../rules/page-of.js'
import { deviceKeyOf } from '../rules/plan-credential-writes.js'
import type { MemoryCredentials } from './credentials.js'
import type { OpenedMemory } from './opened-memory.js'
import { type Row, RowList } from './row-list.js'

interface KeyRow extends Row {
  record: ClaimKeyRecord
}

const byCreation = ({ record: a }: KeyRow, { record: b }: KeyRow) =>
  a.createdAt - b.createdAt || (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)

/** The claim keys of one `memoryStorage()`, and what was claimed. */
export class MemoryClaims {
  readonly #credentials: MemoryCredentials
  readonly #keys = new RowList<KeyRow>(byCreation)
  readonly #byId = new Map<string, KeyRow>()
  readonly #byLookup = new Map<string, KeyRow>()
  /** The proof of each device that was claimed. */
  readonly #proofs = new Map<string, string>()

  constructor(credentials: MemoryCredentials) {
    this.#credentials = credentials
  }

  createKey(record: ClaimKeyRecord): void {
    if (this.#byId.has(record.id) || this.#byLookup.has(record.lookup))
      throw new DeviceHubError(
        'storage_failed',
        'A claim key of this id, or the same key, exists already; both are unique.',
      )
    const row = { removed: false, record: { ...record } }
    this.#keys.add(row)
    this.#byId.set(record.id, row)
    this.#byLookup.set(record.lookup, row)
  }

  findKey(lookup: string): ClaimKeyRecord | null {
    const row = this.#byLookup.get(lookup)
    return row ? { ...row.record } : null
  }

  listKeys({ cursor, ...page }: PageRequest): Page<ClaimKeyRecord> {
    const before = cursor === undefined ? null : readCursor('claim keys', cursor)
    const rows = this.#keys.descending(
      undefined,
      ({ record }) =>
        before !== null &&
        (record.createdAt > before.key || (record.createdAt === before.key && record.id >= before.tie)),
    )
    return pageOf(rows, page, {
      toItem: ({ record }) => ({ ...record }),
      cursorOf: ({ record }) => writeCursor('claim keys', record.createdAt, record.id),
    })
  }

  revokeKey(id: string, now: number): boolean {
    const row = this.#byId.get(id)
    if (!row || row.record.revokedAt !== null) return false
    row.record = { ...row.record, revokedAt: now }
    return true
  }

  claim(opened: OpenedMemory, request: ClaimRequestRecord): ClaimOutcome {
    const { keyId, proof, write } = request
    const { type, deviceId } = write
    const row = this.#byId.get(keyId)
    const device = opened.tableOf(type).devices.get(deviceId)?.record
    const key = deviceKeyOf({ typeKey: type.key, deviceId })
    const outcome = judgeClaim(
      {
        key: row?.record ?? null,
        device: device ? { isActive: device.isActive, username: device.mqttUsername } : null,
        proof: this.#proofs.get(key) ?? null,
        credentials: this.#credentials.ofDevices(type.key, [deviceId]).map(({ expiresAt }) => expiresAt),
      },
      request,
    )
    if (outcome !== 'claimed' && outcome !== 'repeated') return outcome
    this.#credentials.write(opened, [{ ...write, onlyNew: false }])
    if (row && outcome === 'claimed') row.record = { ...row.record, uses: row.record.uses + 1 }
    this.#proofs.set(key, proof)
    return outcome
  }

  deleted(device: TwinKey): void {
    this.#proofs.delete(deviceKeyOf(device))
  }
}
