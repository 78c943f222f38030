import type { AnyDeviceType, Device, DeviceHubError, Duration, InferState, NewDevice } from '@devicehub/core'
import type { InMilliseconds } from '@devicehub/core/check'
import {
  type CredentialKind,
  type CredentialWrite,
  type DeviceRecord,
  newDeviceRecord,
} from '@devicehub/core/storage'
import { secretOf, toDevice } from '@devicehub/core/transport'
import type { ProvisionHub } from '../provision-hub.js'
import { assertDevice, checkExpiry, notFound } from './check-request.js'
import { ALL_KINDS, type MadeCredentials, makeCredentials } from './make-credentials.js'
import { sinkDevice } from './sink-device.js'
import type { SinkTeller } from './tell-sinks.js'
import { writeInStep } from './write-in-step.js'

/** The secrets of a device. They are shown once: only their hashes are kept. */
export interface IssuedCredentials<Kind extends CredentialKind = CredentialKind> {
  /** At brokers: `<type key>-<device id>`. */
  readonly username: string
  /** At brokers. Null when `kinds` left it out. */
  readonly password: 'password' extends Kind ? string : null
  /** For HTTP. */
  readonly apiKey: 'api_key' extends Kind ? string : null
  /** The one client id it may use: its user name. */
  readonly clientId: string
  /** Null: good until they are rotated or revoked. */
  readonly expiresAt: Date | null
}

/** A device with its new credentials. */
export interface Issued<State, Kind extends CredentialKind = CredentialKind> {
  /** The device, as it is in the hub. */
  readonly device: Device<State>
  /** Shown here and never again. */
  readonly credentials: IssuedCredentials<Kind>
  /** `sink_failed`, one for each sink that was not updated. The credentials are valid all the same. */
  readonly sinkErrors: readonly DeviceHubError[]
}

/** Which credentials are made, and how long they are good. */
export interface SecretOptions<Kind extends CredentialKind> {
  /** Default: good until they are rotated or revoked. */
  readonly expiresAt?: Date
  /** Default both, a password and an API key. The others stay as they are. */
  readonly kinds?: readonly Kind[]
}

/** Options of `generateCredentials`. */
export interface GenerateOptions<State, Kind extends CredentialKind = CredentialKind>
  extends SecretOptions<Kind> {
  /** What a device that does not exist is created with; true: with nothing but its id. Default false: `device_not_found`. */
  readonly create?: boolean | Omit<NewDevice<State>, 'deviceId'>
}

/** Options of `rotate`. */
export interface RotateOptions<Kind extends CredentialKind = CredentialKind> extends SecretOptions<Kind> {
  /** How long the old ones stay good beside the new ones; default 0. */
  readonly overlap?: Duration
}

export function createIssuer(hub: ProvisionHub, teller: SinkTeller) {
  const { storage, clock, signals } = hub

  async function generate<T extends AnyDeviceType, const Kind extends CredentialKind>(
    type: T,
    deviceId: string,
    options: GenerateOptions<InferState<T>, Kind>,
  ): Promise<Issued<InferState<T>, Kind>> {
    assertDevice(hub, type, deviceId)
    const kinds = options.kinds ?? ALL_KINDS
    const now = clock.now()
    const expiresAt = checkExpiry(options.expiresAt, now)
    const [present] = await storage.devices.find(type, [deviceId])
    if (present === undefined && !options.create) throw notFound(type, deviceId)
    const given = typeof options.create === 'object' ? options.create : {}
    const record =
      present ?? newDeviceRecord(type, { status: 'provisioning', ...given, deviceId } as NewDevice, now, hub)
    const made = makeCredentials(hub, type, deviceId, { kinds, expiresAt, now })
    const { sinkErrors } = await write(type, deviceId, made, {
      create: options.create ? record : null,
      // Looked at in the transaction: of two that issue at once one is refused.
      onlyWithout: kinds,
      retire: { kinds, at: now },
      now,
    })
    const issued = show<T, Kind>(type, record, made, expiresAt, sinkErrors)
    if (signals.hasSubscribers('deviceProvisioned'))
      signals.emit('deviceProvisioned', {
        type,
        device: issued.device,
        credentials: secretOf(Object.freeze({ ...issued.credentials })),
      })
    return issued
  }

  async function rotate<T extends AnyDeviceType, const Kind extends CredentialKind>(
    type: T,
    deviceId: string,
    options: InMilliseconds<RotateOptions<Kind>>,
  ): Promise<Issued<InferState<T>, Kind>> {
    assertDevice(hub, type, deviceId)
    const overlap = options.overlap ?? 0
    const kinds = options.kinds ?? ALL_KINDS
    const now = clock.now()
    const expiresAt = checkExpiry(options.expiresAt, now)
    const [record] = await storage.devices.find(type, [deviceId])
    if (record === undefined) throw notFound(type, deviceId)
    const made = makeCredentials(hub, type, deviceId, { kinds, expiresAt, now })
    const { sinkErrors } = await write(type, deviceId, made, {
      create: null,
      retire: { kinds, at: now + overlap },
      now,
    })
    return show<T, Kind>(type, record, made, expiresAt, sinkErrors)
  }

  function write(
    type: AnyDeviceType,
    deviceId: string,
    { add, username, password }: MadeCredentials,
    how: Pick<CredentialWrite, 'create' | 'onlyWithout' | 'retire' | 'now'>,
  ) {
    return writeInStep(hub, teller, type, deviceId, {
      write: () => ({ ...how, add, username: password === null ? undefined : username }),
      change: () =>
        password === null ? null : { kind: 'set', device: sinkDevice(hub, type, deviceId), password },
    })
  }

  return { generate, rotate }
}

/** Without a query: a database that goes away now must not cost the secrets. */
function show<T extends AnyDeviceType, Kind extends CredentialKind>(
  type: T,
  record: DeviceRecord,
  { username, password, apiKey }: MadeCredentials,
  expiresAt: number | null,
  sinkErrors: readonly DeviceHubError[],
): Issued<InferState<T>, Kind> {
  const mqttUsername = password === null ? record.mqttUsername : username
  return {
    device: toDevice(type, { ...record, mqttUsername }) as Device<InferState<T>>,
    credentials: {
      username,
      password,
      apiKey,
      clientId: username,
      expiresAt: expiresAt === null ? null : new Date(expiresAt),
    } as IssuedCredentials<Kind>,
    sinkErrors,
  }
}
