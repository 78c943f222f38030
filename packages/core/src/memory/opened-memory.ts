import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { typeNotOpened } from '../rules/storage-errors.js'
import type { RowList } from './row-list.js'
import { type MessageRow, TypeTable } from './tables.js'
import type { MemoryTelemetry } from './telemetry.js'

/** The database as one opened storage sees it: with the types it was opened for. */
export interface OpenedMemory {
  readonly telemetry: MemoryTelemetry
  readonly types: readonly AnyDeviceType[]
  knows(typeKey: string | null): boolean
  /** `unknown_type` when the storage was not opened with it. */
  tableOf(type: AnyDeviceType): TypeTable
  /** Null for what belongs to no type. */
  messagesOf(type: AnyDeviceType | null): RowList<MessageRow>
}

export function openMemory(telemetry: MemoryTelemetry, types: readonly AnyDeviceType[]): OpenedMemory {
  const keys = new Set(types.map((type) => type.key))
  const tableOf = (type: AnyDeviceType): TypeTable => {
    if (!keys.has(type.key)) throw typeNotOpened(type)
    const table = telemetry.tables.get(type.key) ?? new TypeTable()
    telemetry.tables.set(type.key, table)
    return table
  }
  return {
    telemetry,
    types,
    knows: (typeKey) => typeKey === null || keys.has(typeKey),
    tableOf,
    messagesOf: (type) => (type ? tableOf(type).messages : telemetry.untyped),
  }
}
