import type { AnyDeviceType, Storage } from '@devicehub/core'
import type { CredentialRecord, CredentialWrite, NewCredential, TwinKey } from '@devicehub/core/storage'
import { device, newId, Sensor, T0 } from '../fixtures.js'

/** A password without an end, under a user name of its own. */
export function password(more: Partial<NewCredential> = {}): NewCredential {
  const id = newId('credential')
  return {
    id,
    kind: 'password',
    lookup: `user-${id}`,
    hash: `hash of ${id}`,
    createdAt: T0,
    expiresAt: null,
    ...more,
  }
}

export const apiKey = (more: Partial<NewCredential> = {}): NewCredential =>
  password({ kind: 'api_key', ...more })

/** Issues these to a device that exists, and leaves everything else as it is. */
export const issue = (
  deviceId: string,
  add: readonly NewCredential[],
  more: Partial<CredentialWrite> = {},
): CredentialWrite => ({
  type: Sensor,
  deviceId,
  create: null,
  onlyNew: false,
  retire: null,
  add,
  username: undefined,
  now: T0,
  ...more,
})

/** The same for one that has to be made. */
export const provision = (
  deviceId: string,
  add: readonly NewCredential[],
  more: Partial<CredentialWrite> = {},
): CredentialWrite =>
  issue(deviceId, add, { create: device(more.type ?? Sensor, deviceId), onlyNew: true, ...more })

export const recordOf = (deviceId: string, credential: NewCredential, type = Sensor): CredentialRecord => ({
  ...credential,
  typeKey: type.key,
  deviceId,
})

const byId = (a: { readonly id: string }, b: { readonly id: string }) => (a.id < b.id ? -1 : 1)

export const credentialsOf = async (
  storage: Storage,
  deviceId: string,
  type: AnyDeviceType = Sensor,
): Promise<CredentialRecord[]> => [...(await storage.credentials.ofDevices(type, [deviceId]))].sort(byId)

export const foundBy = async (storage: Storage, kind: NewCredential['kind'], ...lookups: string[]) =>
  [...(await storage.credentials.find(kind, lookups))].sort(byId)

export const keyOf = (deviceId: string, type: AnyDeviceType = Sensor): TwinKey => ({
  typeKey: type.key,
  deviceId,
})
