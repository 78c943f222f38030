import type { DeviceRecord, NewSample, StoredMessage, StoredValue } from '../../ports/storage.js'
import { addToLatest, type LatestRow, latestRowOf, latestTime } from '../latest-values.js'
import { ID_REUSED, withFlag } from '../record-outcome.js'
import { MemoryClaims } from './claims.js'
import { MemoryCommands } from './commands.js'
import { MemoryConsumers } from './consumers.js'
import { MemoryCredentials } from './credentials.js'
import { MemoryLeases } from './leases.js'
import { bytesOf } from './page.js'
import { type Row, RowList } from './row-list.js'
import { MemoryTwins } from './twins.js'

export interface DeviceRow extends Row {
  record: DeviceRecord
  /** The state fields that `record.state` is in the order of. */
  stateNames: readonly string[]
}

export interface SampleRow extends Row {
  readonly id: number
  readonly table: TypeTable
  /** The readings that `sample.values` is in the order of. */
  readonly names: readonly string[]
  readonly sample: NewSample
  readonly bytes: number
}

export interface MessageRow extends Row {
  readonly position: number
  readonly list: RowList<MessageRow>
  readonly bytes: number
  message: StoredMessage
}

export interface DeviceSamples {
  readonly rows: RowList<SampleRow>
  readonly identities: Set<string>
  /** How many samples have an id. */
  readonly ids: Map<string, number>
  /** How many samples are not in the order of their timestamps. */
  reordered: number
}

export interface LatestOfDevice {
  readonly row: LatestRow
  /** The readings that `row.values` is in the order of. */
  readonly names: readonly string[]
}

const byTime = (a: SampleRow, b: SampleRow) => a.sample.timestamp - b.sample.timestamp || a.id - b.id
const byPosition = (a: MessageRow, b: MessageRow) => a.position - b.position
const byCreation = (a: DeviceRow, b: DeviceRow) =>
  a.record.createdAt - b.record.createdAt || compareText(a.record.deviceId, b.record.deviceId)
const compareText = (a: string, b: string) => (a < b ? -1 : a > b ? 1 : 0)

/** What the three tables of a device type are in a database. */
export class TypeTable {
  readonly devices = new Map<string, DeviceRow>()
  readonly deviceList = new RowList<DeviceRow>(byCreation)
  readonly samples = new RowList<SampleRow>(byTime)
  readonly samplesOf = new Map<string, DeviceSamples>()
  readonly latest = new Map<string, LatestOfDevice>()
  readonly messages = new RowList<MessageRow>(byPosition)
  /** Who has a user name. */
  readonly holders = new Map<string, string>()
}

export interface MemoryBounds {
  readonly maxMessages: number
  readonly maxMessageBytes: number
  readonly maxReadings: number
  readonly maxReadingBytes: number
  readonly maxCommands: number
}

/** All data of one `memoryStorage()`, shared by everything it opens. */
export class MemoryDatabase {
  readonly tables = new Map<string, TypeTable>()
  readonly untyped = new RowList<MessageRow>(byPosition)
  readonly leases = new MemoryLeases()
  readonly consumers = new MemoryConsumers()
  readonly commands = new MemoryCommands()
  readonly twins = new MemoryTwins()
  readonly credentials = new MemoryCredentials()
  readonly claims = new MemoryClaims()
  readonly dropped = { messages: 0, readings: 0, commands: 0 }
  readonly #bounds: MemoryBounds
  readonly #messages = new RowList<MessageRow>(byPosition)
  readonly #samples = new RowList<SampleRow>((a, b) => a.id - b.id)
  #messageBytes = 0
  #sampleBytes = 0
  #position = 0
  #sampleId = 0

  constructor(bounds: MemoryBounds) {
    this.#bounds = bounds
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
    this.consumers.messageRemoved(row.message.typeKey, row.position)
    row.list.released()
    this.#messages.released()
    this.#messageBytes -= row.bytes
  }

  /** Invariant 5: past a bound the oldest arrivals go, and `dropped` counts them. */
  dropOverflow(): void {
    const { maxMessages, maxMessageBytes, maxReadings, maxReadingBytes, maxCommands } = this.#bounds
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
    if (this.commands.size > maxCommands)
      this.dropped.commands += this.commands.removeFinished(() => this.commands.size > maxCommands)
  }
}

/** Bytes are the one kind of value that its owner could change afterwards. */
export function copyValue<V extends StoredValue>(value: V): V {
  return value instanceof Uint8Array ? (Uint8Array.from(value) as V) : value
}

/** Values kept in the order of one declaration, in the order of another; columns it did not have are null. */
export function inOrderOf(
  wanted: readonly string[],
  names: readonly string[],
  values: readonly StoredValue[],
): StoredValue[] {
  if (wanted === names) return values.map(copyValue)
  return wanted.map((name) => {
    const index = names.indexOf(name)
    return index < 0 ? null : copyValue(values[index] ?? null)
  })
}

/** The last values of a device with those of a sample that was stored after all of theirs. */
export function withSample(before: LatestOfDevice | undefined, { sample, names }: SampleRow): LatestOfDevice {
  if (!before) return { row: latestRowOf(sample), names }
  const row = { ...before.row }
  if (before.names !== names) {
    // Declared anew meanwhile: a storage of the new types writes.
    row.times = inOrderOf(
      names,
      before.names,
      before.names.map((_, index) => latestTime(before.row, index)),
    ) as (number | null)[]
    row.values = inOrderOf(names, before.names, before.row.values)
  }
  addToLatest(row, sample)
  return { row, names }
}

function identitiesOf({ sampleId, timestamp, contentHash }: NewSample): string[] {
  const identities: string[] = []
  if (sampleId !== null) identities.push(`id:${contentHash}:${sampleId}`)
  if (contentHash !== null) identities.push(`at:${timestamp}:${contentHash}`)
  return identities
}
