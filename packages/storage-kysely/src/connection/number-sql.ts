import { DeviceHubError } from '@devicehub/core'
import { type RawBuilder, sql } from 'kysely'

/** A number as part of the statement text. Throws for anything that is not a number. */
export function numberSql(value: number): RawBuilder<number> {
  if (typeof value === 'number' && Number.isFinite(value)) return sql.lit(value)
  throw new DeviceHubError('invalid_query', 'The storage expects a finite number', {
    details: { kind: typeof value },
  })
}
