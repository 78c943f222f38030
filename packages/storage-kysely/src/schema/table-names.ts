import type { AnyDeviceType } from '@devicehub/core'

/** PostgreSQL cuts longer names off without an error, so that two could become one. */
export const NAME_MAX_BYTES = 63

export interface TableNames {
  readonly device: string
  readonly reading: string
  readonly latest: string
  readonly message: string
}

export const tableNames = (type: AnyDeviceType): TableNames => ({
  device: `${type.key}_device`,
  reading: `${type.key}_reading`,
  latest: `${type.key}_latest`,
  message: `${type.key}_message`,
})
