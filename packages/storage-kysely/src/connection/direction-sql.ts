import { DeviceHubError } from '@devicehub/core'
import { type RawBuilder, sql } from 'kysely'

const DIRECTIONS: ReadonlyMap<unknown, RawBuilder<unknown>> = new Map([
  ['asc', sql`asc`],
  ['desc', sql`desc`],
])

/** The direction of `order by`. Throws for any other text. */
export function directionSql(order: 'asc' | 'desc'): RawBuilder<unknown> {
  const direction = DIRECTIONS.get(order)
  if (direction !== undefined) return direction
  throw new DeviceHubError('invalid_query', 'The order of samples is asc or desc')
}
