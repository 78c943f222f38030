import { DeviceHubError } from '../errors.js'

/** Rows a page: the default when none was asked for, `invalid_query` outside 1 to 1,000. */
export function pageLimit(limit: number | undefined): number {
  if (limit === undefined) return 100
  if (Number.isInteger(limit) && limit >= 1 && limit <= 1000) return limit
  throw new DeviceHubError(
    'invalid_query',
    `limit must be a whole number from 1 to 1,000, not ${String(limit)}`,
    { details: { limit } },
  )
}
