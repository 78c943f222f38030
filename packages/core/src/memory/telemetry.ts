import type { StoredMessage } from '../model/message.js'
import type { DeviceRecord } from '../ports/devices.js'
import type { NewSample } from '../ports/storage.js'
import { ID_REUSED, withFlag } from '../rules/record-outcome.js'
import { bytesOf } from './page.js'
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

  /** `duplicate`: a sample of the same identity is stored. `reused`: one with the same id and other content is, this one too. */
  addSample(
    table: TypeTable,
    names: readonly string[],
    sample: NewSample,
  ): 'stored' | 'reused' | 'duplicate' {
    const identities = identitiesOf(sample)
    let of = table.samplesOf.get(sample.deviceId)
    if (of && identities.some((identity) => of?.identities.has(identity))) return 'duplicate'
    if (!of) {
      of = { rows: new RowList(byTime), identities: new Set(), ids: new Map(), reordered: 0 }
      table.samplesOf.set(sample.deviceId, of)
    }
    for (const identity of identities) of.identities.add(identity)
    const { sampleId } = sample
    const before = sampleId === null ? 0 : (of.ids.get(sampleId) ?? 0)
    if (sampleId !== null) of.ids.set(sampleId, before + 1)
    if (sample.orderAt !== sample.timestamp) of.reordered++
    const flags = before > 0 ? withFlag(sample.flags, ID_REUSED) : sample.flags
    const copy = { ...sample, flags, values: sample.values.map(copyValue) }
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
    table.latest.set(sample.deviceId, withSample(table.latest.get(sample.deviceId), row))
    return before > 0 ? 'reused' : 'stored'
  }

  removeSample(row: SampleRow): void {
    const { deviceId, sampleId } = row.sample
    const of = row.table.samplesOf.get(deviceId)
    if (row.removed || !of) return
    row.removed = true
    this.#sampleBytes -= row.bytes
    for (const list of [of.rows, row.table.samples, this.#samples]) list.released()
    for (const identity of identitiesOf(row.sample)) of.identities.delete(identity)
    if (row.sample.orderAt !== row.sample.timestamp) of.reordered--
    if (sampleId !== null) {
      const count = (of.ids.get(sampleId) ?? 1) - 1
      if (count > 0) of.ids.set(sampleId, count)
      else of.ids.delete(sampleId)
    }
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

function identitiesOf({ sampleId, timestamp, contentHash }: NewSample): string[] {
  const identities: string[] = []
  if (sampleId !== null) identities.push(`id:${contentHash}:${sampleId}`)
  if (contentHash !== null) identities.push(`at:${timestamp}:${contentHash}`)
  return identities
}
