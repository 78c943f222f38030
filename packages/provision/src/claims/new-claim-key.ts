import type { Duration, Labels } from '@devicehub/core'

/** Options of `claims.create`. */
export interface NewClaimKey {
  /** For people: 1 to 255 characters. */
  readonly name: string
  /** How many devices may be claimed with it. */
  readonly maxUses: number
  /** How long it is valid. */
  readonly expiresIn: Duration
  /** Whether a device that does not exist is created. Default false: only registered ones can be claimed. */
  readonly createsDevices?: boolean
  /** Device ids have to begin with it; default: any. */
  readonly idPrefix?: string
  /** Of the devices that it creates; a registered device keeps its own. Default none. */
  readonly labels?: Labels
}
