import type { AnyDeviceType } from '@devicehub/core'

/** A device with its new secrets, which nothing but the output will ever show. */
export interface ImportedDevice {
  readonly type: AnyDeviceType
  readonly deviceId: string
  readonly name: string
  readonly username: string
  readonly password: string
  readonly apiKey: string
}

/** Where the secrets go, batch by batch. */
export interface OutputWriter {
  /** Resolves when they are safe: their devices are created only then. */
  write(devices: readonly ImportedDevice[]): Promise<void>
  /** Devices of the last batch that were not created after all. */
  discard(deviceIds: ReadonlySet<string>): void
  /** Ends the output; `complete` is false after a failure. */
  close(complete: boolean): Promise<void>
}
