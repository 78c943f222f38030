import type { AnyDeviceType } from '@devicehub/core'
import {
  type DeviceFilter,
  type DevicePatch,
  type DeviceRecord,
  type DeviceStore,
  deviceExists,
  readCursor,
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
import { idOf, pageOf } from './bounded-rows.js'
import { containsSql } from './contains-sql.js'
import { insertDevices } from './insert-devices.js'
import { retryConflicts } from './retry-conflicts.js'
import { setBackDevices } from './set-back-devices.js'

const INSERTED_MAX = 500
const FOUND_MAX = 1000

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

  async function find(on: Run, type: AnyDeviceType, deviceIds: readonly string[]): Promise<DeviceRecord[]> {
    const shape = shapeOf(type)
    const records: DeviceRecord[] = []
    for (const ids of inParts([...new Set(deviceIds)], FOUND_MAX)) {
      const { rows } = await on.run(
        sql`select ${selectList(dialect, shape.columns)} from ${tableOf(type)} as t where t.device_id in (${sql.join(ids)})`,
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

  return {
    async create(type, device) {
      const insert = insertSql(type, [device])
      const doing = `creating the device ${device.deviceId}`
      try {
        await retryConflicts(() => connection.run(insert))
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
          await retryConflicts(() => connection.run(insert)).catch((error: unknown) => {
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

    find: (type, deviceIds) =>
      asStorageErrors(`reading devices of ${type.name}`, () => find(connection, type, deviceIds)),

    async list(type, filter, page) {
      const { cursor } = page
      const shape = shapeOf(type)
      const before = cursor === undefined ? null : readCursor('devices', cursor)
      const conditions = filterSql(connection, filter)
      if (before) {
        const time = timeValue(dialect, before.key)
        conditions.push(
          sql`t.created_at <= ${time} and (t.created_at < ${time} or t.device_id < ${before.tie})`,
        )
      }
      const { rows, last } = await asStorageErrors(`listing devices of ${type.name}`, () =>
        pageOf(connection, {
          table: tableNames(type).device,
          columns: shape.listed,
          conditions,
          order: sql`t.created_at desc, t.device_id desc`,
          page,
        }),
      )
      const next = last && deviceRecord(shape, last, 1)
      return {
        items: rows.map((row) => deviceRecord(shape, row, 1)),
        cursor: next ? writeCursor('devices', next.createdAt, next.deviceId) : null,
      }
    },

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

    async update(type, deviceId, patch, now) {
      const assignments = patchSql(connection, shapeOf(type), type, patch)
      assignments.push(sql`updated_at = ${timeValue(dialect, now)}`)
      const doing = `updating the device ${deviceId}`
      try {
        const update = async (transaction: Transaction) => {
          await transaction.run(
            sql`update ${tableOf(type)} set ${sql.join(assignments)} where device_id = ${deviceId}`,
          )
          const [record] = await find(transaction, type, [deviceId])
          return record ?? null
        }
        if (patch.isActive === undefined)
          return await retryConflicts(() =>
            connection.transaction({ messageTables: [], messagesFirst: false }, update),
          )
        return await retryConflicts(() =>
          connection.transaction(ACCESS_TRANSACTION, async (transaction) => {
            const position = await lockAccess(transaction)
            const record = await update(transaction)
            if (record) await noteAccess(transaction, position, [{ typeKey: type.key, deviceId }])
            return record
          }),
        )
      } catch (error) {
        if (classify(error) === 'unique') throw usernameTaken(type, [deviceId], error)
        throw toStorageError(error, doing)
      }
    },

    async delete(type, deviceId, now) {
      shapeOf(type)
      const readings = sql.table(tableNames(type).reading)
      const latest = sql.table(tableNames(type).latest)
      return asStorageErrors(`deleting the device ${deviceId}`, () =>
        retryConflicts(() =>
          connection.transaction(ACCESS_TRANSACTION, async (transaction) => {
            const position = await lockAccess(transaction)
            const { affected } = await transaction.run(
              sql`delete from ${tableOf(type)} where device_id = ${deviceId}`,
            )
            if (affected === 0) return false
            await transaction.run(sql`delete from ${readings} where device_id = ${deviceId}`)
            if (keepsLastValues(type))
              await transaction.run(sql`delete from ${latest} where device_id = ${deviceId}`)
            await cancelCommands(transaction, type, deviceId, now)
            await clearTwin(transaction, type, deviceId)
            await deleteAccess(transaction, position, { typeKey: type.key, deviceId })
            return true
          }),
        ),
      )
    },
  }
}

function filterSql(
  { dialect }: Connection,
  { status, isActive, search }: DeviceFilter,
): RawBuilder<unknown>[] {
  const conditions: RawBuilder<unknown>[] = []
  if (status !== undefined) conditions.push(sql`t.status = ${status}`)
  if (isActive !== undefined) conditions.push(sql`t.is_active = ${columnValue(dialect, 'boolean', isActive)}`)
  if (search) {
    const contains = (column: string) => containsSql(dialect, sql.ref(`t.${column}`), search)
    conditions.push(sql`(${contains('device_id')} or ${contains('name')})`)
  }
  return conditions
}

function patchSql(
  { dialect }: Connection,
  shape: DeviceShape,
  type: AnyDeviceType,
  { state = {}, ...patch }: DevicePatch,
): RawBuilder<unknown>[] {
  const table = tableNames(type).device
  const assign = (name: string, kind: DeviceShape['kinds'][number], value: DeviceRecord['state'][number]) => {
    if (value !== null) checkValue(table, { name, kind }, value)
    return sql`${sql.ref(name)} = ${columnValue(dialect, kind, value)}`
  }
  const assignments = Object.entries(patch).flatMap(([key, value]) =>
    value === undefined ? [] : [assign(...patchedColumn(key as keyof Omit<DevicePatch, 'state'>), value)],
  )
  for (const [name, value] of Object.entries(state)) {
    const index = type.stateNames.indexOf(name)
    const kind = shape.kinds[index]
    if (kind === undefined) throw unknownStateField(type, name)
    assignments.push(assign(name, kind, value))
  }
  return assignments
}
