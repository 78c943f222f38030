import type { AnyDeviceType } from '@devicehub/core'
import type { SeriesFigure, SeriesQuery } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { and } from '../connection/sql-fragments.js'
import type { ValueKind } from '../rows/column-source.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { LABEL_TABLE, tableNames } from '../schema/tables.js'
import { conditionSql } from './condition-sql.js'
import { bucketNumber, type EdgePart, timeLiteral } from './series-buckets.js'

export interface Placed extends SeriesFigure {
  /** In the figures of the query. */
  readonly place: number
  readonly kind: ValueKind
  /** Whether values may be long: only those that an answer takes together are then read. */
  readonly isLong: boolean
}

/** The samples of a part, each with its group and bucket. */
export interface BucketedSamples {
  /** With these columns besides, as `x`: `x.g`, `x.b`. */
  from(columns: readonly RawBuilder<unknown>[], where?: RawBuilder<unknown>): RawBuilder<unknown>
}

export function samplesOf(
  dialect: SqlDialect,
  type: AnyDeviceType,
  { devices, groupBy }: SeriesQuery,
  part: EdgePart,
): BucketedSamples {
  const { reading, device } = tableNames(type)
  const isOf =
    'deviceIds' in devices
      ? devices.deviceIds.length === 1
        ? sql`t.device_id = ${devices.deviceIds[0]}`
        : sql`t.device_id in (${sql.join([...devices.deviceIds])})`
      : sql`t.device_id in (select t.device_id from ${sql.table(device)} as t
          where ${conditionSql(dialect, type, devices.condition)})`
  const isLabel = typeof groupBy === 'object'
  const group = groupBy === 'device' ? sql`t.device_id` : isLabel ? sql`l.value` : sql`null`
  const labels = isLabel
    ? sql`left join ${sql.table(LABEL_TABLE)} as l on l.type_key = ${type.key} and l.label = ${groupBy.label}
        and l.device_id = t.device_id`
    : sql``
  const within = sql`t.timestamp >= ${timeLiteral(dialect, part.from)} and t.timestamp < ${timeLiteral(dialect, part.to)}`
  return {
    from: (columns, where) =>
      sql`(select ${sql.join([sql`${group} as g`, sql`${bucketNumber(dialect, part)} as b`, ...columns])}
        from ${sql.table(reading)} as t ${labels} where ${and([isOf, within, ...(where ? [where] : [])])}) as x`,
  }
}
