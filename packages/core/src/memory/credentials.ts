import type {
  AccessChanges,
  CredentialKind,
  CredentialOutcome,
  CredentialRecord,
  CredentialWrite,
  FoundCredential,
} from '../ports/credentials.js'
import type { TwinKey } from '../ports/twins.js'
import { checkValues } from '../rules/check-values.js'
import {
  type CredentialPlan,
  credentialLookupKey,
  deviceKeyOf,
  planCredentialWrites,
} from '../rules/plan-credential-writes.js'
import type { OpenedMemory } from './opened-memory.js'

/** The credentials of one `memoryStorage()`, and which devices' access changed. */
export class MemoryCredentials {
  readonly #byId = new Map<string, CredentialRecord>()
  readonly #ofDevice = new Map<string, Set<string>>()
  readonly #ofLookup = new Map<string, Set<string>>()
  /** Those that changed last are last. */
  readonly #changes = new Map<string, TwinKey & { readonly position: number }>()
  #position = 0

  find(opened: OpenedMemory, kind: CredentialKind, lookups: readonly string[]): FoundCredential[] {
    return [...new Set(lookups)].flatMap((lookup) =>
      this.#records(this.#ofLookup.get(credentialLookupKey(kind, lookup))).flatMap((record) => {
        const device = opened.knows(record.typeKey)
          ? opened.telemetry.tables.get(record.typeKey)?.devices.get(record.deviceId)
          : undefined
        return device ? [{ ...record, isActive: device.record.isActive }] : []
      }),
    )
  }

  ofDevices(typeKey: string, deviceIds: readonly string[]): CredentialRecord[] {
    return [...new Set(deviceIds)].flatMap((deviceId) =>
      this.#records(this.#ofDevice.get(deviceKeyOf({ typeKey, deviceId }))).map((record) => ({ ...record })),
    )
  }

  write(opened: OpenedMemory, writes: readonly CredentialWrite[]): CredentialOutcome[] {
    const plan = planCredentialWrites(writes, this.#rowsOf(opened, writes))
    for (const { type, record } of plan.created)
      checkValues(`The state of ${record.deviceId}`, type.state, type.stateNames, record.state)
    this.#apply(opened, plan)
    return [...plan.outcomes]
  }

  changes(position: number | null, limit: number): AccessChanges {
    if (position === null || position === this.#position) return { position: this.#position, devices: [] }
    const behind = [...this.#changes.values()].filter((change) => change.position > position)
    // A position of the future is of another store.
    const isKnown = position < this.#position && behind.length <= limit
    return {
      position: this.#position,
      devices: isKnown ? behind.map(({ typeKey, deviceId }) => ({ typeKey, deviceId })) : null,
    }
  }

  /** To be called with each change of what devices may do. */
  changed(...devices: readonly TwinKey[]): void {
    if (devices.length === 0) return
    const position = ++this.#position
    for (const { typeKey, deviceId } of devices) {
      const key = deviceKeyOf({ typeKey, deviceId })
      this.#changes.delete(key)
      this.#changes.set(key, { typeKey, deviceId, position })
    }
  }

  deleted(device: TwinKey): void {
    for (const id of [...(this.#ofDevice.get(deviceKeyOf(device)) ?? [])]) this.#remove(id)
    this.changed(device)
  }

  #records(ids: Iterable<string> = []): CredentialRecord[] {
    return [...ids].flatMap((id) => this.#byId.get(id) ?? [])
  }

  #rowsOf(opened: OpenedMemory, writes: readonly CredentialWrite[]) {
    const devices = new Map<string, TwinKey & { readonly username: string | null }>()
    const ids = new Set<string>()
    const noteDevice = (type: CredentialWrite['type'], deviceId: string | undefined) => {
      const row = deviceId === undefined ? undefined : opened.tableOf(type).devices.get(deviceId)
      if (!row || deviceId === undefined) return
      const device = { typeKey: type.key, deviceId, username: row.record.mqttUsername }
      devices.set(deviceKeyOf(device), device)
    }
    const noteIds = (some: Iterable<string> = []) => {
      for (const id of some) ids.add(id)
    }
    for (const { type, deviceId, create, username, add } of writes) {
      noteDevice(type, deviceId)
      const wanted = username ?? create?.mqttUsername
      if (wanted) noteDevice(type, opened.tableOf(type).holders.get(wanted))
      noteIds(this.#ofDevice.get(deviceKeyOf({ typeKey: type.key, deviceId })))
      for (const { id, kind, lookup } of add) {
        noteIds([id])
        noteIds(this.#ofLookup.get(credentialLookupKey(kind, lookup)))
      }
    }
    return { devices: [...devices.values()], credentials: this.#records(ids) }
  }

  #apply({ telemetry, tableOf }: OpenedMemory, plan: CredentialPlan): void {
    for (const id of plan.removed) this.#remove(id)
    for (const { id, expiresAt } of plan.expiring) {
      const record = this.#byId.get(id)
      if (record) this.#byId.set(id, { ...record, expiresAt })
    }
    const rename = (change: (typeof plan.usernames)[number], mqttUsername: string | null) => {
      const table = tableOf(change.type)
      const row = table.devices.get(change.deviceId)
      if (row)
        telemetry.updateDevice(
          table,
          row,
          { ...row.record, mqttUsername, updatedAt: change.now },
          row.stateNames,
        )
    }
    // All of them are given back before one is taken: two devices may change theirs for each other's.
    for (const change of plan.usernames) rename(change, null)
    for (const change of plan.usernames) rename(change, change.username)
    for (const { type, record } of plan.created) telemetry.addDevice(tableOf(type), record, type.stateNames)
    for (const record of plan.added) this.#add(record)
    this.changed(...plan.changed)
  }

  #add(record: CredentialRecord): void {
    this.#byId.set(record.id, record)
    for (const [index, key] of this.#indexes(record))
      index.set(key, (index.get(key) ?? new Set()).add(record.id))
  }

  #remove(id: string): void {
    const record = this.#byId.get(id)
    if (!record) return
    this.#byId.delete(id)
    for (const [index, key] of this.#indexes(record)) {
      const ids = index.get(key)
      ids?.delete(id)
      if (ids?.size === 0) index.delete(key)
    }
  }

  #indexes(record: CredentialRecord): (readonly [Map<string, Set<string>>, string])[] {
    return [
      [this.#ofDevice, deviceKeyOf(record)],
      [this.#ofLookup, credentialLookupKey(record.kind, record.lookup)],
    ]
  }
}
