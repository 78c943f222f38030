import type { AnyDeviceType } from '@devicehub/core'
import type { Condition, DevicePosition } from '@devicehub/core/storage'
import {
  type DevicePatch,
  type DeviceRecord,
  type DeviceStore,
  deviceExists,
  NEWEST_FIRST,
  readNumericCursor,
  unknownStateField,
  usernameTaken,
  writeCursor,
} from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import { cancelCommands } from '../command/cancel-commands.js'
import { compare } from '../commit/prepare-batch.js'
import type { Connection, Transaction } from '../connection/connection.js'
import { inParts } from '../connection/in-parts.js'
import { numberSql } from '../connection/number-sql.js'
import { columnValue, selectList, timeValue } from '../connection/sql-fragments.js'
import { ACCESS_TRANSACTION, lockAccess, noteAccess } from '../credential/access-clock.js'
import { deleteAccess } from '../credential/delete-access.js'
import { checkValue } from '../rows/check-value.js'
import { type DeviceShape, deviceRecord, deviceShape, patchedColumn } from '../rows/device-columns.js'
import { readRow } from '../rows/row-reader.js'
import { keepsLastValues } from '../schema/latest-table.js'
import { tableNames } from '../schema/tables.js'
import { asStorageErrors, classify, toStorageError } from '../storage-error.js'
import { clearTwin } from '../twin/clear-twin.js'
import { noteSync } from '../twin/note-sync.js'
import { idOf, pageOf } from './bounded-rows.js'
import { conditionSql } from './condition-sql.js'
import { deleteReadings } from './delete-readings.js'
import { readOverview } from './fleet-overview.js'
import { insertDevices } from './insert-devices.js'
import { retryConflicts } from './retry-conflicts.js'
import { setBackDevices } from './set-back-devices.js'
import { afterSql, orderSql, sortKey } from './sort-sql.js'
import { assertStillWithin, lockWithin } from './within-sql.js'
import { hasLabels, patchLabels, writeLabelRows, writeLabelRowsOf } from './write-labels.js'

const INSERTED_MAX = 500
const FOUND_MAX = 1000

const PLAIN = { messageTables: [], messagesFirst: false } as const

type Run = Pick<Connection, 'run'>

export function createDeviceStore(
  connection: Connection,
  checkType: (type: AnyDeviceType) => void,
): DeviceStore {
  const { dialect } = connection
  const shapes = new WeakMap<AnyDeviceType, DeviceShape>()
  const shapeOf = (type: AnyDeviceType): DeviceShape => {
    checkType(type)
    const shape = shapes.get(type) ?? deviceShape(type)
    shapes.set(type, shape)
    return shape
  }
  const tableOf = (type: AnyDeviceType) => sql.table(tableNames(type).device)

  const insertSql = (type: AnyDeviceType, devices: readonly DeviceRecord[]) =>
    insertDevices(dialect, type, shapeOf(type), devices)

  async function find(
    on: Run,
    type: AnyDeviceType,
    deviceIds: readonly string[],
    within?: Condition,
  ): Promise<DeviceRecord[]> {
    const shape = shapeOf(type)
    const chosen = within === undefined ? sql`` : sql`and ${conditionSql(dialect, type, within, 'one')}`
    const records: DeviceRecord[] = []
    for (const ids of inParts([...new Set(deviceIds)], FOUND_MAX)) {
      const { rows } = await on.run(
        sql`select ${selectList(dialect, shape.columns)} from ${tableOf(type)} as t where t.device_id in (${sql.join(ids)}) ${chosen}`,
      )
      for (const row of rows) records.push(deviceRecord(shape, readRow(row)))
    }
    return records
  }

  async function exists(type: AnyDeviceType, deviceId: string): Promise<boolean> {
    const { rows } = await connection.run(
      sql`select 1 as c0 from ${tableOf(type)} where device_id = ${deviceId}`,
    )
    return rows.length > 0
  }

  /** A change in a transaction; whether devices may log in changes with it, where it says so. */
  const changing = <T>(
    type: AnyDeviceType,
    { isActive }: Pick<DevicePatch, 'isActive'>,
    change: (transaction: Transaction) => Promise<T>,
    changed: (result: T) => readonly string[],
  ): Promise<T> =>
    retryConflicts(() => {
      if (isActive === undefined) return connection.transaction(PLAIN, change)
      return connection.transaction(ACCESS_TRANSACTION, async (transaction) => {
        const position = await lockAccess(transaction)
        const result = await change(transaction)
        const devices = changed(result).map((deviceId) => ({ typeKey: type.key, deviceId }))
        if (devices.length > 0) await noteAccess(transaction, position, devices)
        return result
      })
    })

  return {
    async create(type, device) {
      const insert = insertSql(type, [device])
      const doing = `creating the device ${device.deviceId}`
      try {
        await retryConflicts<unknown>(() =>
          hasLabels(device)
            ? connection.transaction(PLAIN, async (transaction) => {
                await transaction.run(insert)
                await writeLabelRows(transaction, type, [device])
              })
            : connection.run(insert),
        )
      } catch (error) {
        if (classify(error) === 'unique')
          throw (await asStorageErrors(doing, () => exists(type, device.deviceId)))
            ? deviceExists(type, device.deviceId)
            : usernameTaken(type, [device.deviceId], error)
        throw toStorageError(error, doing)
      }
    },

    async ensure(type, devices) {
      // Sorted by id, so that two processes that create the same devices do not deadlock.
      const first = new Map(devices.map((device) => [device.deviceId, device] as const).reverse())
      const sorted = [...first.values()].sort((a, b) => compare(a.deviceId, b.deviceId))
      const ignore =
        dialect === 'mysql'
          ? sql`on duplicate key update device_id = device_id`
          : sql`on conflict (device_id) do nothing`
      await asStorageErrors(`creating devices of ${type.name}`, async () => {
        for (const part of inParts(sorted, INSERTED_MAX)) {
          const insert = sql`${insertSql(type, part)} ${ignore}`
          const labelled = part.filter(hasLabels).map(({ deviceId }) => deviceId)
          const create = () =>
            labelled.length === 0
              ? connection.run(insert)
              : connection.transaction(PLAIN, async (transaction) => {
                  await transaction.run(insert)
                  await writeLabelRowsOf(transaction, type, labelled)
                })
          await retryConflicts<unknown>(create).catch((error: unknown) => {
            if (classify(error) !== 'unique') throw error
            const named = part.filter(({ mqttUsername }) => mqttUsername !== null)
            throw usernameTaken(
              type,
              named.map(({ deviceId }) => deviceId),
              error,
            )
          })
          // MySQL also skips a device whose user name another one has.
          if (dialect !== 'mysql' || part.every(({ mqttUsername }) => mqttUsername === null)) continue
          const found = await find(
            connection,
            type,
            part.map(({ deviceId }) => deviceId),
          )
          const there = new Set(found.map(({ deviceId }) => deviceId))
          const missing = part.filter(({ deviceId }) => !there.has(deviceId))
          if (missing.length > 0)
            throw usernameTaken(
              type,
              missing.map(({ deviceId }) => deviceId),
            )
        }
      })
    },

    find: (type, deviceIds, within) =>
      asStorageErrors(`reading devices of ${type.name}`, () => find(connection, type, deviceIds, within)),

    async list(type, condition, { sort = NEWEST_FIRST, after, inclusive, ...page }) {
      const shape = shapeOf(type)
      const key = sortKey(dialect, type, sort)
      const conditions = [conditionSql(dialect, type, condition)]
      if (after !== undefined) conditions.push(afterSql(dialect, key, sort, after, inclusive))
      const { rows, keys, last } = await asStorageErrors(`listing devices of ${type.name}`, () =>
        pageOf(connection, {
          table: tableNames(type).device,
          columns: shape.listed,
          conditions,
          order: orderSql(dialect, key, sort),
          key,
          page,
        }),
      )
      const items = rows.map((row, index) => {
        const record = deviceRecord(shape, row, 1)
        const value = keys[index] as DevicePosition['value']
        return { record, position: { value, deviceId: record.deviceId } }
      })
      return { items, more: last !== null }
    },

    count: (type, condition, max) =>
      asStorageErrors(`counting devices of ${type.name}`, async () => {
        shapeOf(type)
        const { rows } = await connection.run(
          sql`select count(*) as c0 from (select 1 as n from ${tableOf(type)} as t
            where ${conditionSql(dialect, type, condition)} limit ${numberSql(max)}) as counted`,
        )
        return rows[0] === undefined ? 0 : (readRow(rows[0]).number(0) ?? 0)
      }),

    overview: (type, condition, request) =>
      asStorageErrors(`counting devices of ${type.name}`, async () => {
        shapeOf(type)
        return readOverview(connection, type, condition, request)
      }),

    async overdue(type, { before, statuses, ...page }) {
      const { cursor } = page
      const shape = shapeOf(type)
      if (statuses.length === 0) return { items: [], cursor: null }
      const time = timeValue(dialect, before)
      const conditions = [
        sql`t.status in (${sql.join(statuses)})`,
        sql`t.is_active = ${columnValue(dialect, 'boolean', true)}`,
        sql`t.last_seen < ${time}`,
        sql`(t.status_at is null or t.status_at < ${time})`,
      ]
      if (cursor !== undefined) conditions.push(sql`t.id > ${readNumericCursor('overdue', cursor).key}`)
      const { rows, last } = await asStorageErrors(`looking for overdue devices of ${type.name}`, () =>
        pageOf(connection, {
          table: tableNames(type).device,
          columns: shape.listed,
          conditions,
          order: sql`t.id`,
          page,
        }),
      )
      return {
        items: rows.map((row) => deviceRecord(shape, row, 1)),
        cursor: last === null ? null : writeCursor('overdue', idOf(last), 0),
      }
    },

    async setBack(type, request) {
      checkType(type)
      return asStorageErrors(`setting times of devices of ${type.name} back`, () =>
        setBackDevices(connection, type, request),
      )
    },

    async update(type, deviceId, patch, now, within) {
      const { labels, ...columns } = patch
      const assignments = patchSql(connection, shapeOf(type), type, columns)
      assignments.push(sql`updated_at = ${timeValue(dialect, now)}`)
      const doing = `updating the device ${deviceId}`
      try {
        const update = async (transaction: Transaction) => {
          if (within !== undefined && (await lockWithin(transaction, type, [deviceId], within)).length === 0)
            return null
          await transaction.run(
            sql`update ${tableOf(type)} set ${sql.join(assignments)} where device_id = ${deviceId}`,
          )
          if (labels !== undefined) await patchLabels(transaction, type, [deviceId], labels)
          if (patch.state !== undefined) await noteSync(transaction, type, deviceId)
          if (within !== undefined) await assertStillWithin(transaction, type, [deviceId], within)
          const [record] = await find(transaction, type, [deviceId])
          return record ?? null
        }
        return await changing(type, patch, update, (record) => (record === null ? [] : [deviceId]))
      } catch (error) {
        if (classify(error) === 'unique') throw usernameTaken(type, [deviceId], error)
        throw toStorageError(error, doing)
      }
    },

    updateMany: (type, deviceIds, { labels, ...columns }, now, within) =>
      asStorageErrors(`updating devices of ${type.name}`, async () => {
        const assignments = patchSql(connection, shapeOf(type), type, columns)
        assignments.push(sql`updated_at = ${timeValue(dialect, now)}`)
        const update = async (transaction: Transaction) => {
          const found: string[] = []
          // In the order of their ids, as every writer of several devices.
          for (const ids of inParts([...new Set(deviceIds)].sort(compare), FOUND_MAX)) {
            const chosen = within === undefined ? ids : await lockWithin(transaction, type, ids, within)
            const there =
              chosen.length === 0 ? [] : await patchLabels(transaction, type, chosen, labels ?? {})
            if (there.length > 0)
              await transaction.run(
                sql`update ${tableOf(type)} set ${sql.join(assignments)} where device_id in (${sql.join(there)})`,
              )
            if (within !== undefined) await assertStillWithin(transaction, type, there, within)
            found.push(...there)
          }
          return found
        }
        return changing(type, columns, update, (found) => found)
      }),

    async delete(type, deviceId, now, within) {
      shapeOf(type)
      const readings = sql.table(tableNames(type).reading)
      const latest = sql.table(tableNames(type).latest)
      return asStorageErrors(`deleting the device ${deviceId}`, async () => {
        if (!(await exists(type, deviceId))) return false
        if (!(await deleteReadings(connection, type, deviceId, within))) return false
        return retryConflicts(() =>
          connection.transaction(ACCESS_TRANSACTION, async (transaction) => {
            const position = await lockAccess(transaction)
            if (
              within !== undefined &&
              (await lockWithin(transaction, type, [deviceId], within)).length === 0
            )
              return false
            const { affected } = await transaction.run(
              sql`delete from ${tableOf(type)} where device_id = ${deviceId}`,
            )
            if (affected === 0) return false
            // What was stored meanwhile.
            await transaction.run(sql`delete from ${readings} where device_id = ${deviceId}`)
            if (keepsLastValues(type))
              await transaction.run(sql`delete from ${latest} where device_id = ${deviceId}`)
            await cancelCommands(transaction, type, deviceId, now)
            await clearTwin(transaction, type, deviceId)
            await writeLabelRows(transaction, type, [{ deviceId, labels: {} }])
            await deleteAccess(transaction, position, { typeKey: type.key, deviceId })
            return true
          }),
        )
      })
    },
  }
}

function patchSql(
  { dialect }: Connection,
  shape: DeviceShape,
  type: AnyDeviceType,
  { state = {}, ...patch }: Omit<DevicePatch, 'labels'>,
): RawBuilder<unknown>[] {
  const table = tableNames(type).device
  const assign = (name: string, kind: DeviceShape['kinds'][number], value: DeviceRecord['state'][number]) => {
    if (value !== null) checkValue(table, { name, kind }, value)
    return sql`${sql.ref(name)} = ${columnValue(dialect, kind, value)}`
  }
  const assignments = Object.entries(patch).flatMap(([key, value]) =>
    value === undefined
      ? []
      : [assign(...patchedColumn(key as keyof Omit<DevicePatch, 'state' | 'labels'>), value)],
  )
  for (const [name, value] of Object.entries(state)) {
    const index = type.stateNames.indexOf(name)
    const kind = shape.kinds[index]
    if (kind === undefined) throw unknownStateField(type, name)
    assignments.push(assign(name, kind, value))
  }
  return assignments
}
