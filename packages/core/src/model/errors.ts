/**
 * Every code an error of this project can carry, with what it means. Codes are data: surfaces map them
 * (to an HTTP status, to an exit code) and checks look at `code`, never at `instanceof`, since the ESM and the
 * CommonJS copy of a package may both be loaded.
 */
export const ERROR_CODES = {
  invalid_definition: 'A device type, a field, a command or an option is declared wrongly',
  duplicate_type: 'Another device type of the same name is registered',
  unknown_type: 'No device type of that name is registered',
  invalid_topic: 'A topic, a topic filter or a topic template is malformed',
  invalid_device_id: 'A device id is empty, too long or has characters that are not allowed',
  invalid_options: 'An option has a value that cannot work',
  invalid_query: 'A query names an unknown field, a bad range or a bad cursor',
  invalid_payload: 'A payload does not fit the device type',
  device_exists: 'A device of that id exists already',
  device_not_found: 'No device of that id exists',
  out_of_scope: 'The device would not be in the scope in which it is created or changed',
  credential_taken: 'The device has credentials already, or another one has that user name or key',
  claim_refused: 'The claim key is not valid, or not for that device',
  sink_failed: 'The credentials are issued or revoked, but a broker was not updated',
  device_inactive: 'The device is deactivated',
  device_offline: 'The device is not connected, and the command was not to wait for it',
  unknown_command: 'The device type declares no command of that name',
  command_not_found: 'No command of that id exists',
  command_failed: 'The device could not do what the command asks, or the command could not be sent',
  command_rejected: 'The device refused to execute the command',
  command_pending: 'The command has no end yet: it still stands, and may be executed later',
  command_timed_out: 'The device did not answer in time; it may have executed the command all the same',
  command_expired: 'The command could not be sent before it expired',
  command_cancelled: 'The command was cancelled',
  version_conflict: 'The desired state has been changed by somebody else since it was read',
  message_not_found: 'No message of that id exists',
  not_replayable: 'Only a message that was rejected, quarantined or stored in part can be replayed, once',
  missing_dependency: 'A package that is needed for this is not installed',
  schema_refused: 'A migration would destroy or narrow data and was not allowed',
  schema_outdated: 'The database lacks tables or columns of the declared types',
  storage_unavailable: 'The database cannot be reached now; trying again can help',
  storage_refused:
    'The database does not let the application in, or not do this: a wrong password, a missing database, a missing right; trying again does not help until somebody has mended it',
  storage_failed: 'The database refused the data; trying again does not help',
  not_supported: 'The storage of this hub has no place for what is asked of it',
  fenced: 'Another process has taken over the lease under which this was done; nothing was written',
  consumer_not_found: 'No consumer of that name exists',
  transport_unavailable: 'The broker cannot be reached now; trying again can help',
  connection_refused: 'The broker refused the connection; trying again with the same options does not help',
  publish_failed: 'The broker refused a publication',
  queue_full: 'Too much waits already; wait until there is room',
  outbox_locked: 'Another client uses the folder of the outbox',
  outbox_failed: 'The outbox on disk cannot be read or written; what was confirmed before is kept',
  handler_failed: 'A handler threw or took too long',
  closed: 'The object was closed',
} as const

/** The code of a `DeviceHubError`. `ERROR_CODES` has a sentence for each. */
export type ErrorCode = keyof typeof ERROR_CODES

/** What an error carries beside its code and its sentence. */
export interface ErrorOptions {
  /** What the message names, for programs. */
  readonly details?: Readonly<Record<string, unknown>>
  /** The error it came of. */
  readonly cause?: unknown
}

/** The one error base. The message says what is wrong, where, and what to do. */
export class DeviceHubError extends Error {
  /** The same in every copy of this package. */
  override readonly name = 'DeviceHubError'
  /** What went wrong; stable, one of `ERROR_CODES`. */
  readonly code: ErrorCode
  /** What the message names, for programs; its keys depend on the code. */
  readonly details: Readonly<Record<string, unknown>>

  constructor(code: ErrorCode, message: string, options: ErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause })
    this.code = code
    this.details = options.details ?? {}
  }
}

/**
 * Narrows an unknown to an error of this project, of one code if given.
 *
 * @example
 * import { isDeviceHubError } from '@devicehub/core'
 * import { hub, WeatherStation } from './hub.js'
 *
 * try {
 *   await hub.devices.create(WeatherStation, { deviceId: 'STATION-001' })
 * } catch (error) {
 *   if (!isDeviceHubError(error, 'device_exists')) throw error
 * }
 */
export function isDeviceHubError(error: unknown, code?: ErrorCode): error is DeviceHubError {
  try {
    return (
      error instanceof Error &&
      error.name === 'DeviceHubError' &&
      typeof (error as Partial<DeviceHubError>).code === 'string' &&
      (code === undefined || (error as DeviceHubError).code === code)
    )
  } catch {
    // Whatever was thrown: a proxy that cannot be read is none of ours.
    return false
  }
}

/**
 * Whether the same call can succeed later without a change: a database or broker that is away, not a bad value.
 *
 * @example
 * import { isRetryable } from '@devicehub/core'
 * import { hub, WeatherStation } from './hub.js'
 *
 * await hub.devices.list(WeatherStation).catch((error) => {
 *   if (!isRetryable(error)) throw error
 * })
 */
export const isRetryable = (error: unknown): boolean =>
  isDeviceHubError(error, 'storage_unavailable') || isDeviceHubError(error, 'transport_unavailable')

/**
 * Whether the database is at fault and not what was asked of it: it is away (`storage_unavailable`), or refuses the
 * application (`storage_refused`). What runs in the background and may lose nothing waits for both.
 */
export const isStorageFault = (error: unknown): error is DeviceHubError =>
  isDeviceHubError(error, 'storage_unavailable') || isDeviceHubError(error, 'storage_refused')
