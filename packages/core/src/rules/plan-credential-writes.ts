import { isStorableText } from '../model/codec/text.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { DeviceHubError } from '../model/errors.js'
import type {
  CredentialKind,
  CredentialOutcome,
  CredentialRecord,
  CredentialWrite,
  NewCredential,
} from '../ports/credentials.js'
import type { DeviceRecord } from '../ports/devices.js'
import type { TwinKey } from '../ports/twins.js'
import { isCredentialGood } from './states.js'

/** What the writes have to be judged by. Nobody else may change it until they are applied. */
export interface CredentialRows {
  /** Those of the writes that exist, and those that have a user name of the writes. */
  readonly devices: readonly (TwinKey & { readonly username: string | null })[]
  /** All of the devices of the writes, and those of others that have an id or a look-up of the writes. */
  readonly credentials: readonly CredentialRecord[]
}

/** What has to be written for them, in this order. */
export interface CredentialPlan {
  /** Ids of credentials to delete. */
  readonly removed: readonly string[]
  /** Credentials that end at `expiresAt`, epoch milliseconds. */
  readonly expiring: readonly { readonly id: string; readonly expiresAt: number }[]
  /** Of devices that existed. A name can have belonged to another of them before. */
  readonly usernames: readonly UsernameChange[]
  /** Devices to create. */
  readonly created: readonly { readonly type: AnyDeviceType; readonly record: DeviceRecord }[]
  /** Credentials to write. */
  readonly added: readonly CredentialRecord[]
  /** Devices with any of this. */
  readonly changed: readonly TwinKey[]
  /** What became of each write, in order. */
  readonly outcomes: readonly CredentialOutcome[]
}

/** The user name of a device, for its row. */
export interface UsernameChange {
  /** Type of the device. */
  readonly type: AnyDeviceType
  /** Id of the device. */
  readonly deviceId: string
  /** Null: it has none any more. */
  readonly username: string | null
  /** For `updated_at`, epoch milliseconds. */
  readonly now: number
}

export const credentialLookupKey = (kind: CredentialKind, lookup: string): string => `${kind} ${lookup}`

/** A type key has no slash. */
export const deviceKeyOf = ({ typeKey, deviceId }: TwinKey): string => `${typeKey}/${deviceId}`

/**
 * The rules of `CredentialStore.write`, shared by every storage. A write that is made again after its answer was lost
 * finds what it added: that stays as it is, and is not retired by its own repetition.
 */
export function planCredentialWrites(
  writes: readonly CredentialWrite[],
  rows: CredentialRows,
): CredentialPlan {
  const book = openBook(rows)
  const outcomes = writes.map((write) => book.apply(write))
  return { ...book.close(), outcomes }
}

function openBook({ devices, credentials }: CredentialRows) {
  const names = new Map<string, string | null>()
  const holders = new Map<string, string>()
  for (const { typeKey, deviceId, username } of devices) {
    names.set(deviceKeyOf({ typeKey, deviceId }), username)
    if (username !== null) holders.set(`${typeKey}/${username}`, deviceId)
  }
  const byId = new Map<string, CredentialRecord>()
  const ofDevice = new Map<string, Set<string>>()
  const ofLookup = new Map<string, Set<string>>()
  const removed = new Set<string>()
  const expiring = new Map<string, number>()
  const usernames = new Map<string, UsernameChange>()
  const created = new Map<string, { readonly type: AnyDeviceType; readonly record: DeviceRecord }>()
  const added = new Set<string>()
  const changed = new Map<string, TwinKey>()

  const note = (record: CredentialRecord) => {
    byId.set(record.id, record)
    addTo(ofDevice, deviceKeyOf(record), record.id)
    addTo(ofLookup, credentialLookupKey(record.kind, record.lookup), record.id)
  }
  for (const record of credentials) note(record)

  function remove(record: CredentialRecord): void {
    byId.delete(record.id)
    ofDevice.get(deviceKeyOf(record))?.delete(record.id)
    ofLookup.get(credentialLookupKey(record.kind, record.lookup))?.delete(record.id)
    expiring.delete(record.id)
    if (!added.delete(record.id)) removed.add(record.id)
  }

  /** Of the kinds that it is to be without; what this same write added before its answer was lost does not count. */
  function hasGood(key: string, { onlyWithout = [], add, now }: CredentialWrite): boolean {
    const own = new Set(add.map(({ id }) => id))
    return [...(ofDevice.get(key) ?? [])].some((id) => {
      const record = byId.get(id)
      if (record === undefined || own.has(id) || !onlyWithout.includes(record.kind)) return false
      return isCredentialGood(record, now)
    })
  }

  function retire(key: string, { retire, add, now }: CredentialWrite): boolean {
    if (retire === null) return false
    const kept = new Set(add.map(({ id }) => id))
    let any = false
    for (const id of [...(ofDevice.get(key) ?? [])]) {
      const record = byId.get(id)
      if (record === undefined || kept.has(id) || !retire.kinds.includes(record.kind)) continue
      const expiresAt = Math.min(record.expiresAt ?? retire.at, retire.at)
      if (expiresAt <= now) remove(record)
      else if (expiresAt === record.expiresAt) continue
      else {
        byId.set(id, { ...record, expiresAt })
        if (!added.has(id)) expiring.set(id, expiresAt)
      }
      any = true
    }
    return any
  }

  function issue(device: TwinKey, credential: NewCredential): boolean {
    check(credential, device)
    const present = byId.get(credential.id)
    if (present !== undefined) {
      if (deviceKeyOf(present) === deviceKeyOf(device)) return false
      throw new DeviceHubError(
        'storage_failed',
        `The id of a credential of ${device.deviceId} is that of another device's; ids are unique.`,
      )
    }
    for (const id of ofLookup.get(credentialLookupKey(credential.kind, credential.lookup)) ?? []) {
      const other = byId.get(id)
      if (other && deviceKeyOf(other) !== deviceKeyOf(device)) throw taken(device, credential.kind)
    }
    note({ ...credential, ...device })
    added.add(credential.id)
    return true
  }

  function name(key: string, { type, deviceId, now }: CredentialWrite, username: string | null): boolean {
    const present = names.get(key) ?? null
    if (username === present) return false
    if (username !== null) {
      const holder = holders.get(`${type.key}/${username}`)
      if (holder !== undefined && holder !== deviceId)
        throw taken({ typeKey: type.key, deviceId }, 'password')
      holders.set(`${type.key}/${username}`, deviceId)
    }
    if (present !== null) holders.delete(`${type.key}/${present}`)
    names.set(key, username)
    const made = created.get(key)
    if (made) created.set(key, { type, record: { ...made.record, mqttUsername: username } })
    else usernames.set(key, { type, deviceId, username, now })
    return true
  }

  function apply(write: CredentialWrite): CredentialOutcome {
    const { type, deviceId, create, onlyNew, add, username } = write
    const device = { typeKey: type.key, deviceId }
    const key = deviceKeyOf(device)
    const exists = names.has(key)
    if (!exists && create === null) return 'device_not_found'
    if (exists && onlyNew) {
      const has = ofDevice.get(key)
      return add.length > 0 && add.every(({ id }) => has?.has(id)) ? 'created' : 'existing'
    }
    if (hasGood(key, write)) return 'has_credentials'
    if (!exists && create !== null) {
      names.set(key, null)
      created.set(key, { type, record: { ...create, mqttUsername: null } })
    }
    const wanted = username === undefined && !exists ? create?.mqttUsername : username
    // Each of them, whatever the others did.
    const done = [
      retire(key, write),
      wanted === undefined ? false : name(key, write, wanted),
      ...add.map((credential) => issue(device, credential)),
    ]
    if (!exists || done.includes(true)) changed.set(key, device)
    return exists ? 'updated' : 'created'
  }

  return {
    apply,
    close: () => ({
      removed: [...removed],
      expiring: [...expiring].map(([id, expiresAt]) => ({ id, expiresAt })),
      usernames: [...usernames.values()],
      created: [...created.values()],
      added: [...added].flatMap((id) => byId.get(id) ?? []),
      changed: [...changed.values()],
    }),
  }
}

function addTo(map: Map<string, Set<string>>, key: string, id: string): void {
  const ids = map.get(key)
  if (ids) ids.add(id)
  else map.set(key, new Set([id]))
}

const taken = ({ typeKey, deviceId }: TwinKey, kind: CredentialKind) =>
  new DeviceHubError(
    'credential_taken',
    kind === 'password'
      ? `${deviceId} cannot have this user name: another device has it. Choose another one, or withdraw it there first.`
      : `${deviceId} cannot have this API key: another device has it. Make another one.`,
    { details: { typeKey, deviceId } },
  )

const ID_MAX = 64
const LOOKUP_MAX = 255
const HASH_MAX = 512

/** What a database cannot hold, or would cut off. */
function check({ id, lookup, hash }: NewCredential, { deviceId }: TwinKey): void {
  const isText = (text: string, max: number) => text !== '' && text.length <= max && isStorableText(text)
  if (isText(id, ID_MAX) && isText(lookup, LOOKUP_MAX) && isText(hash, HASH_MAX)) return
  throw new DeviceHubError(
    'storage_failed',
    `A credential of ${deviceId} was refused: its id has to have 1 to ${ID_MAX} characters, its user name or key 1 to ${LOOKUP_MAX}, its hash 1 to ${HASH_MAX}, and none of them may be NUL or half of a surrogate pair.`,
  )
}
