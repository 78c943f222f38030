import type { AnyDeviceType } from '@devicehub/core'
import type { Condition, LatestReadings, StoredSample } from '@devicehub/core/storage'
import { sql } from 'kysely'
import type { Connection } from '../connection/connection.js'
import { inParts } from '../connection/in-parts.js'
import { readRow } from '../rows/row-reader.js'
import type { SampleShape } from '../rows/sample-columns.js'
import { tableNames } from '../schema/tables.js'
import { conditionSql } from './condition-sql.js'
import { readLatest, readLatestSamples } from './latest.js'

const DEVICES_MAX = 1000

/** The devices that are in the scope: nothing is read of others. */
async function devicesWithin(
  { dialect, run }: Connection,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  within: Condition,
): Promise<readonly string[]> {
  const found: string[] = []
  for (const ids of inParts([...new Set(deviceIds)], DEVICES_MAX)) {
    const { rows } = await run(
      sql`select t.device_id as c0 from ${sql.table(tableNames(type).device)} as t
        where t.device_id in (${sql.join(ids)}) and ${conditionSql(dialect, type, within, 'one')}`,
    )
    for (const row of rows.map(readRow)) found.push(row.text(0) ?? '')
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
  return readLatest(connection, shape, type, await devicesWithin(connection, type, deviceIds, within))
}

export async function latestSamplesWithin(
  connection: Connection,
  shape: SampleShape,
  type: AnyDeviceType,
  deviceIds: readonly string[],
  within: Condition | undefined,
): Promise<readonly StoredSample[]> {
  if (within === undefined) return readLatestSamples(connection, shape, type, deviceIds)
  return readLatestSamples(connection, shape, type, await devicesWithin(connection, type, deviceIds, within))
}
