import type { AnyDeviceType, DeviceStatus } from '@devicehub/core'
import type { Condition, FleetOverview, LabelCounts, OverviewRequest } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { Connection } from '../connection/connection.js'
import { numberSql } from '../connection/number-sql.js'
import { columnValue, timeValue } from '../connection/sql-fragments.js'
import { readRow } from '../rows/row-reader.js'
import type { SqlDialect } from '../schema/logical-type.js'
import { LABEL_TABLE, tableNames } from '../schema/tables.js'
import { conditionSql } from './condition-sql.js'
import { byCodePoints } from './sort-sql.js'

type Sql = RawBuilder<unknown>

/** A row for each status; a second statement counts the values of labels, where any are asked for. */
export async function readOverview(
  { dialect, run }: Pick<Connection, 'dialect' | 'run'>,
  type: AnyDeviceType,
  condition: Condition,
  request: OverviewRequest,
): Promise<FleetOverview> {
  const from = sql`${sql.table(tableNames(type).device)} as t`
  const where = conditionSql(dialect, type, condition)
  const { rows } = await run(
    sql`select t.status as c0, count(*) as c1, ${kindCounts(dialect, request)} from ${from} where ${where} group by t.status`,
  )
  const byStatus: { [Status in DeviceStatus]?: number } = {}
  const sums = [0, 0, 0, 0, 0]
  for (const row of rows.map(readRow)) {
    byStatus[row.text(0) as DeviceStatus] = row.number(1) ?? 0
    for (const index of sums.keys()) sums[index] = (sums[index] ?? 0) + (row.number(index + 1) ?? 0)
  }
  const [total = 0, inactive = 0, silent = 0, neverSeen = 0, lowBattery = 0] = sums
  const byLabel: Record<string, LabelCounts> = Object.fromEntries(
    request.labels.map((label) => [label, { values: [], others: 0, without: total }]),
  )
  if (request.labels.length > 0) {
    const counted = await run(
      labelCounts(dialect, type, isEvery(condition) ? null : { from, where }, request),
    )
    for (const row of counted.rows.map(readRow)) {
      const label = row.text(0) ?? ''
      const { values = [] } = byLabel[label] ?? {}
      const all = [...values, { value: row.text(1) ?? '', count: row.number(2) ?? 0 }]
      const labelled = row.number(3) ?? 0
      const shown = all.reduce((sum, { count }) => sum + count, 0)
      byLabel[label] = { values: all, others: labelled - shown, without: Math.max(0, total - labelled) }
    }
  }
  return { total, byStatus, inactive, silent, neverSeen, lowBattery, byLabel }
}

/** Deactivated devices, then of the active ones: silent, never seen, low battery. */
function kindCounts(dialect: SqlDialect, { seenBefore, batteryBelow }: OverviewRequest): Sql {
  const isActive = sql`t.is_active = ${columnValue(dialect, 'boolean', true)}`
  const kinds = [
    sql`not (${isActive})`,
    sql`${isActive} and t.last_seen < ${timeValue(dialect, seenBefore)}`,
    sql`${isActive} and t.last_seen is null`,
    sql`${isActive} and t.battery_level < ${columnValue(dialect, 'float', batteryBelow)}`,
  ]
  return sql.join(
    kinds.map((kind, index) => sql`sum(case when ${kind} then 1 else 0 end) as ${sql.ref(`c${index + 2}`)}`),
  )
}

/** Labels are deleted with their device, so those of every device are all there are. */
const isEvery = (condition: Condition): boolean => condition.kind === 'all' && condition.of.every(isEvery)

/** Of each label the most frequent values, each with how many devices have the label; null: of every device. */
const labelCounts = (
  dialect: SqlDialect,
  { key }: AnyDeviceType,
  devices: { readonly from: Sql; readonly where: Sql } | null,
  { labels, maxValues }: OverviewRequest,
): Sql => sql`
  select label as c0, value as c1, devices as c2, labelled as c3 from (
    select label, value, devices, sum(devices) over (partition by label) as labelled,
      row_number() over (partition by label order by devices desc, ${byCodePoints(dialect, sql.ref('value'))}) as place
    from (
      select l.label, l.value, count(*) as devices from ${sql.table(LABEL_TABLE)} as l
        ${devices === null ? sql`` : sql`join ${devices.from} on t.device_id = l.device_id and ${devices.where}`}
      where l.type_key = ${key} and l.label in (${sql.join(labels)}) group by l.label, l.value
    ) as counted
  ) as placed where place <= ${numberSql(maxValues)} order by label, place`
