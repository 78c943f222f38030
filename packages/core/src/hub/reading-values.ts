import { fromStored } from '../model/codec/stored-value.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { InferReadings } from '../model/device-type/infer.js'
import type { LatestReadings, StoredSample } from '../ports/readings.js'

/** One stored sample. */
export interface Reading<Readings = Readonly<Record<string, unknown>>> {
  /** Of its row, unique within the type. */
  readonly id: string
  /** Of the device that sent it. */
  readonly deviceId: string
  /** When it was measured; when it was received if the device sent no time. */
  readonly measuredAt: Date
  /** When the hub received it. */
  readonly receivedAt: Date
  /** The id the device gave it. */
  readonly sampleId: string | null
  /** `out_of_range:<reading>`, `clock_skew` and the like; empty when nothing is remarkable. */
  readonly flags: readonly string[]
  /** Every declared reading; null where the sample had none. */
  readonly readings: { readonly [Name in keyof Readings]: Exclude<Readings[Name], undefined> | null }
}

/** What a device measured last, of each reading. */
export interface LastValues<Readings = Readonly<Record<string, unknown>>> {
  /** Of the device. */
  readonly deviceId: string
  /** Of the latest sample; null: nobody knows, a broker had kept it. */
  readonly measuredAt: Date | null
  /** Every declared reading; null where the device never sent one. */
  readonly readings: {
    readonly [Name in keyof Readings]: LastValue<Exclude<Readings[Name], undefined | null>> | null
  }
}

/** The last known value of one reading. */
export interface LastValue<Value = unknown> {
  /** As the reading is declared. */
  readonly value: Value
  /**
   * When it was measured; when it was received if the device sent no time or one that cannot be true; null: nobody knows,
   * a broker had kept it.
   */
  readonly measuredAt: Date | null
}

/** `fields`: only these readings. */
export function toReading<T extends AnyDeviceType>(
  type: T,
  sample: StoredSample,
  fields?: readonly string[],
): Reading<InferReadings<T>> {
  const readings: Record<string, unknown> = {}
  type.readingNames.forEach((name, index) => {
    const field = type.readings[name]
    if (field && (fields === undefined || fields.includes(name)))
      readings[name] = fromStored(field, sample.values[index] ?? null)
  })
  return {
    id: sample.id,
    deviceId: sample.deviceId,
    measuredAt: new Date(sample.timestamp),
    receivedAt: new Date(sample.receivedAt),
    sampleId: sample.sampleId,
    flags: sample.flags === null ? [] : sample.flags.split(' '),
    readings: readings as Reading<InferReadings<T>>['readings'],
  }
}

export function toLastValues<T extends AnyDeviceType>(
  type: T,
  { deviceId, orderAt, values }: LatestReadings,
): LastValues<InferReadings<T>> {
  const readings: Record<string, unknown> = {}
  type.readingNames.forEach((name, index) => {
    const field = type.readings[name]
    const last = values[index] ?? null
    if (field)
      readings[name] = last && { value: fromStored(field, last.value), measuredAt: knownTime(last.at) }
  })
  return {
    deviceId,
    measuredAt: knownTime(orderAt),
    readings: readings as LastValues<InferReadings<T>>['readings'],
  }
}

/** See `NewSample.orderAt`. */
const knownTime = (orderAt: number): Date | null => (orderAt === 0 ? null : new Date(orderAt))
