import type { AnyDeviceType } from '@devicehub/core'
import { sql } from 'kysely'
import type { Connection } from '../connection/connection.js'
import { databaseNow } from '../connection/database-clock.js'
import { COMMAND_TABLE } from '../schema/tables.js'

/** Devices in one statement. */
const DEVICES_MAX = 500

/** Makes queued commands of these devices due now; those that a process is publishing stay as they are. */
export async function wakeCommands(
  connection: Pick<Connection, 'run' | 'dialect'>,
  type: AnyDeviceType,
  deviceIds: readonly string[],
): Promise<void> {
  const now = databaseNow(connection.dialect)
  for (let at = 0; at < deviceIds.length; at += DEVICES_MAX)
    await connection.run(
      sql`update ${sql.table(COMMAND_TABLE)} set next_at = ${now} where type_key = ${type.key}
        and device_id in (${sql.join(deviceIds.slice(at, at + DEVICES_MAX))})
        and state = 'queued' and claim is null and next_at > ${now}`,
    )
}
