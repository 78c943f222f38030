import type { AnyDeviceType } from '@devicehub/core'

/** A device with its new secrets, which nothing but the output will ever show. */
export interface ImportedDevice {
  /** The device type. */
  readonly type: AnyDeviceType
  /** The id of the device. */
  readonly deviceId: string
  /** Its name; its id when the row says none. */
  readonly name: string
  /** At brokers, and the client id: `<type key>-<device id>`. */
  readonly username: string
  /** At brokers. */
  readonly password: string
  /** For HTTP. */
  readonly apiKey: string
}

/** Receives the secrets, batch by batch. */
export interface OutputWriter {
  /** Resolves when they are on disk or taken over: their devices are created only then. */
  write(devices: readonly ImportedDevice[]): Promise<void>
  /** Devices of the last batch that were not created. */
  discard(deviceIds: ReadonlySet<string>): void
  /** Closes the output; `complete` is false after a failure. */
  close(complete: boolean): Promise<void>
}
