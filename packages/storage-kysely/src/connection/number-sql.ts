import { DeviceHubError } from '@devicehub/core'
import { type RawBuilder, sql } from 'kysely'

/** A number as part of the statement's text. What is no number never gets there, whoever calls the storage. */
export function numberSql(value: number): RawBuilder<number> {
  if (typeof value === 'number' && Number.isFinite(value)) return sql.lit(value)
  throw new DeviceHubError('invalid_query', 'The storage was given something else than a finite number', {
    details: { kind: typeof value },
  })
}
