import type { StoredMessage } from '../model/message.js'
import type { DeviceRecord } from '../ports/devices.js'
import type { NewSample } from '../ports/storage.js'
import { bytesOf } from '../rules/page-of.js'
import { RowList } from './row-list.js'
import {
  byPosition,
  byTime,
  copyValue,
  type DeviceRow,
  type MessageRow,
  type SampleRow,
  type TypeTable,
  withSample,
} from './tables.js'

export interface TelemetryBounds {
  readonly maxMessages: number
  readonly maxMessageBytes: number
  readonly maxReadings: number
  readonly maxReadingBytes: number
}

/** Devices, readings and messages of one `memoryStorage()`. */
export class MemoryTelemetry {
  readonly tables = new Map<string, TypeTable>()
  readonly untyped = new RowList<MessageRow>(byPosition)
  readonly dropped = { messages: 0, readings: 0 }
  readonly #bounds: TelemetryBounds
  /** Told of each message that goes. */
  readonly #messageRemoved: (typeKey: string | null, position: number) => void
  readonly #messages = new RowList<MessageRow>(byPosition)
  readonly #samples = new RowList<SampleRow>((a, b) => a.id - b.id)
  #messageBytes = 0
  #sampleBytes = 0
  #position = 0
  #sampleId = 0

  constructor(bounds: TelemetryBounds, messageRemoved: (typeKey: string | null, position: number) => void) {
    this.#bounds = bounds
    this.#messageRemoved = messageRemoved
  }

  /** The position of the newest message. */
  get position(): number {
    return this.#position
  }

  addDevice(table: TypeTable, record: DeviceRecord, stateNames: readonly string[]): void {
    const row = { removed: false, record: { ...record, state: record.state.map(copyValue) }, stateNames }
    table.devices.set(record.deviceId, row)
    table.deviceList.add(row)
    if (record.mqttUsername !== null) table.holders.set(record.mqttUsername, record.deviceId)
  }

  updateDevice(table: TypeTable, row: DeviceRow, record: DeviceRecord, stateNames: readonly string[]): void {
    if (row.record.mqttUsername !== null) table.holders.delete(row.record.mqttUsername)
    if (record.mqttUsername !== null) table.holders.set(record.mqttUsername, record.deviceId)
    row.record = record
    row.stateNames = stateNames
  }

  removeDevice(table: TypeTable, row: DeviceRow): void {
    const { deviceId } = row.record
    for (const sample of table.samplesOf.get(deviceId)?.rows.ascending() ?? []) this.removeSample(sample)
    table.latest.delete(deviceId)
    if (row.record.mqttUsername !== null) table.holders.delete(row.record.mqttUsername)
    row.removed = true
    table.devices.delete(deviceId)
    table.deviceList.released()
  }

  addSample(table: TypeTable, names: readonly string[], sample: NewSample, orderLimit?: number): void {
    const { deviceId } = sample
    const of = table.samplesOf.get(deviceId) ?? { rows: new RowList(byTime), reordered: 0 }
    table.samplesOf.set(deviceId, of)
    table.identities.add(sample)
    if (sample.orderAt !== sample.timestamp) of.reordered++
    const copy = { ...sample, values: sample.values.map(copyValue) }
    const row: SampleRow = {
      removed: false,
      id: ++this.#sampleId,
      table,
      names,
      sample: copy,
      bytes: bytesOf(...copy.values),
    }
    this.#sampleBytes += row.bytes
    for (const list of [of.rows, table.samples, this.#samples]) list.add(row)
    table.latest.set(deviceId, withSample(table.latest.get(deviceId), row, orderLimit))
  }

  removeSample(row: SampleRow): void {
    const { deviceId } = row.sample
    const of = row.table.samplesOf.get(deviceId)
    if (row.removed || !of) return
    row.removed = true
    this.#sampleBytes -= row.bytes
    for (const list of [of.rows, row.table.samples, this.#samples]) list.released()
    row.table.identities.remove(row.sample)
    if (row.sample.orderAt !== row.sample.timestamp) of.reordered--
    if (of.rows.size === 0) row.table.samplesOf.delete(deviceId)
  }

  addMessage(list: RowList<MessageRow>, message: Omit<StoredMessage, 'id'>): string {
    const position = ++this.#position
    const bytes = (message.payloadJson?.length ?? 0) + (message.payloadRaw?.length ?? 0)
    const stored = { ...message, id: String(position), payloadRaw: copyValue(message.payloadRaw) }
    const row: MessageRow = { removed: false, position, list, bytes, message: stored }
    list.add(row)
    this.#messages.add(row)
    this.#messageBytes += bytes
    return stored.id
  }

  removeMessage(row: MessageRow): void {
    row.removed = true
    this.#messageRemoved(row.message.typeKey, row.position)
    row.list.released()
    this.#messages.released()
    this.#messageBytes -= row.bytes
  }

  /** Invariant 5: past a bound the oldest arrivals go, and `dropped` counts them. */
  dropOverflow(): void {
    const { maxMessages, maxMessageBytes, maxReadings, maxReadingBytes } = this.#bounds
    while (this.#messages.size > maxMessages || this.#messageBytes > maxMessageBytes) {
      const oldest = this.#messages.oldest()
      if (!oldest) break
      this.removeMessage(oldest)
      this.dropped.messages++
    }
    while (this.#samples.size > maxReadings || this.#sampleBytes > maxReadingBytes) {
      const oldest = this.#samples.oldest()
      if (!oldest) break
      this.removeSample(oldest)
      this.dropped.readings++
    }
  }
}
