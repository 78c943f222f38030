import type { AnyDeviceType } from '@devicehub/core'
import type { Condition, LatestReadings, StoredSample } from '@devicehub/core/storage'
import { isSampleVisible, visibleLatest } from '@devicehub/core/storage'
import { sql } from 'kysely'
import type { Connection } from '../connection/connection.js'
import { inParts } from '../connection/in-parts.js'
import { selectList } from '../connection/sql-fragments.js'
import { readRow } from '../rows/row-reader.js'
import type { SampleShape } from '../rows/sample-columns.js'
import { tableNames } from '../schema/tables.js'
import { conditionSql } from './condition-sql.js'
import { readLatest, readLatestSamples } from './latest.js'

const DEVICES_MAX = 1000

const COLUMNS = [
  { name: 'device_id', kind: 'text' },
  { name: 'visible_from', kind: 'time' },
] as const

type VisibleFrom = ReadonlyMap<string, number | null>

/** The devices that are in the scope: nothing is read of others. */
async function devicesWithin(
  { dialect, run }: Connection,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  within: Condition,
): Promise<VisibleFrom> {
  const found = new Map<string, number | null>()
  for (const ids of inParts([...new Set(deviceIds)], DEVICES_MAX)) {
    const { rows } = await run(
      sql`select ${selectList(dialect, COLUMNS)} from ${sql.table(tableNames(type).device)} as t
        where t.device_id in (${sql.join(ids)}) and ${conditionSql(dialect, type, within, 'one')}`,
    )
    for (const row of rows.map(readRow)) found.set(row.text(0) ?? '', row.number(1))
  }
  return found
}

export async function latestWithin(
  connection: Connection,
  shape: SampleShape,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  within: Condition | undefined,
): Promise<readonly LatestReadings[]> {
  if (within === undefined) return readLatest(connection, shape, type, deviceIds)
  const visibleFrom = await devicesWithin(connection, type, deviceIds, within)
  const latest = await readLatest(connection, shape, type, [...visibleFrom.keys()])
  return latest.flatMap((one) => visibleLatest(one, visibleFrom.get(one.deviceId) ?? null) ?? [])
}

export async function latestSamplesWithin(
  connection: Connection,
  shape: SampleShape,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  within: Condition | undefined,
): Promise<readonly StoredSample[]> {
  if (within === undefined) return readLatestSamples(connection, shape, type, deviceIds)
  const visibleFrom = await devicesWithin(connection, type, deviceIds, within)
  const samples = await readLatestSamples(connection, shape, type, [...visibleFrom.keys()])
  return samples.filter((sample) =>
    isSampleVisible({ visibleFrom: visibleFrom.get(sample.deviceId) ?? null }, sample),
  )
}
