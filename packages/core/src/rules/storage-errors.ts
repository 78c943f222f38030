import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { DeviceHubError } from '../model/errors.js'
import type { MessageRef } from '../model/message.js'
import type { LeaseFence } from '../ports/leases.js'
import type { Storage } from '../ports/storage.js'

/** What a storage refuses, in the same words whichever database it is. */

export const typeNotOpened = (type: AnyDeviceType): DeviceHubError =>
  new DeviceHubError(
    'unknown_type',
    `The storage was not opened with the device type ${type.name}. Pass it to the hub in \`types\`.`,
    { details: { type: type.name } },
  )

export const storageClosed = (): DeviceHubError =>
  new DeviceHubError('closed', 'The storage is closed, as hub.close() leaves it: to go on, create a new hub')

export const deviceExists = (type: AnyDeviceType, deviceId: string): DeviceHubError =>
  new DeviceHubError(
    'device_exists',
    `A ${type.name} with the id ${deviceId} exists already. Choose another id or update the device.`,
    { details: { type: type.name, deviceId } },
  )

/** Of a change after which a device would not be in the scope that it is made in. */
export const outOfScope = (type: AnyDeviceType, deviceId: string): DeviceHubError =>
  new DeviceHubError(
    'out_of_scope',
    `${type.name} "${deviceId}" would not be in the scope of the hub that was asked for it. Nothing was written; do it with a hub whose scope has the device before and after.`,
    { details: { type: type.key, deviceId } },
  )

/** `cause`: the database's own error, where it told. */
export const usernameTaken = (
  type: AnyDeviceType,
  deviceIds: readonly string[],
  cause?: unknown,
): DeviceHubError =>
  new DeviceHubError(
    'credential_taken',
    `${deviceIds.join(', ')} cannot have the user name of another ${type.name}: it belongs to one device.`,
    { details: { deviceIds }, cause },
  )

export const unknownStateField = (type: AnyDeviceType, name: string): DeviceHubError =>
  new DeviceHubError('invalid_query', `${type.name} has no state field ${name}.`, { details: { name } })

export const notReplayable = (ref: MessageRef): DeviceHubError =>
  new DeviceHubError(
    'not_replayable',
    `Message ${ref.id} of ${ref.typeKey ?? 'no type'} cannot be replayed: it is not there, or nothing of it was refused (any more).`,
    { details: { ...ref } },
  )

/** `details` tell the hub which of a batch's messages to hand back. */
export const fenced = ({ name, epoch }: LeaseFence): DeviceHubError =>
  new DeviceHubError(
    'fenced',
    `The lease ${name} is not held under the epoch ${epoch} any more: another one has taken it since. Nothing was written.`,
    { details: { name, epoch } },
  )

/** `cause`: the database's own error, where it told. */
export const commandExists = (cause?: unknown): DeviceHubError =>
  new DeviceHubError('storage_failed', 'A command of this id exists already; ids are unique.', { cause })

/** For who works on a storage in the background: refused at once, and not with each try. */
export function assertControl({ name, capabilities }: StorageNature, what: string): void {
  if (!capabilities.control) throw controlMissing(name, what)
}

type StorageNature = Pick<Storage, 'name' | 'capabilities'>

/** Of a storage without the control group; `what` is in the plural. */
export const controlMissing = (storage: string, what: string): DeviceHubError =>
  new DeviceHubError(
    'not_supported',
    `${what} need the control group of a storage, which "${storage}" does not have: it keeps telemetry alone (devices, readings, messages). Give the hub a storage with both groups, such as kyselyStorage({ db })`,
    { details: { storage, group: 'control', what } },
  )
