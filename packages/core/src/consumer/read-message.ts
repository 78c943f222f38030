import { plainStatus } from '../ingest/decode-payload.js'
import { compileDataPlanner, type DataPlanner } from '../ingest/plan-data.js'
import { readingsOf } from '../ingest/readings-of.js'
import { decodeWith } from '../model/codec/run-codec.js'
import { optionOf } from '../model/device-type/default-options.js'
import type { AnyDeviceType, IngestPolicies } from '../model/device-type/device-type.js'
import type { MessageInfo, MessageRef, StoredMessage } from '../model/message.js'
import { toMessageInfo } from '../rules/message-info.js'
import type { ConsumedMessage, ConsumedSample } from './consumer.js'

export interface ReaderOptions {
  readonly types: readonly AnyDeviceType[]
  readonly policies: IngestPolicies<number>
  readonly maxSamples: number
}

/** Gives rows of the log the shape that handlers see. */
export type MessageReader = (row: StoredMessage) => ConsumedMessage

/** Payload and samples are read when somebody asks for them, by the same rules as when the message came in. */
export function createMessageReader(options: ReaderOptions): MessageReader {
  const types = new Map(options.types.map((type) => [type.key, type]))
  const planners = new Map<AnyDeviceType, DataPlanner>()

  function plannerOf(type: AnyDeviceType): DataPlanner {
    const planner = planners.get(type) ?? compileDataPlanner(type, options)
    planners.set(type, planner)
    return planner
  }

  return (row) =>
    new LogMessage(row, row.typeKey === null ? null : (types.get(row.typeKey) ?? null), plannerOf)
}

class LogMessage implements ConsumedMessage {
  readonly type: AnyDeviceType | null
  readonly #stored: StoredMessage
  readonly #plannerOf: (type: AnyDeviceType) => DataPlanner
  #row: MessageInfo | undefined
  #samples: readonly ConsumedSample[] | undefined

  constructor(
    stored: StoredMessage,
    type: AnyDeviceType | null,
    plannerOf: (type: AnyDeviceType) => DataPlanner,
  ) {
    this.#stored = stored
    this.type = type
    this.#plannerOf = plannerOf
  }

  get key(): string {
    return `${this.#stored.typeKey ?? ''}:${this.#stored.id}`
  }

  get ref(): MessageRef {
    return { typeKey: this.#stored.typeKey, id: this.#stored.id }
  }

  get deviceId() {
    return this.#stored.deviceId
  }

  get channel() {
    return this.#stored.channel
  }

  get receivedAt(): Date {
    return new Date(this.#stored.receivedAt)
  }

  get row(): MessageInfo {
    this.#row ??= toMessageInfo(this.#stored)
    return this.#row
  }

  get payload(): unknown {
    return decode(this.type, this.#stored)
  }

  get samples(): readonly ConsumedSample[] {
    this.#samples ??= this.#readSamples()
    return this.#samples
  }

  #readSamples(): readonly ConsumedSample[] {
    const { type } = this
    const row = this.#stored
    if (type === null || row.channel !== 'data' || row.direction !== 'in') return []
    const { receivedAt, redelivered, retained } = row
    const deviceId = row.deviceId ?? ''
    const content = this.#plannerOf(type)(this.payload, { deviceId, receivedAt, redelivered, retained })
    if ('code' in content) return []
    return content.samples.map((sample) => ({
      readings: readingsOf(type, sample),
      measuredAt: new Date(sample.timestamp),
      sampleId: sample.sampleId,
      flags: sample.flags === null ? [] : sample.flags.split(' '),
    }))
  }
}

function decode(
  type: AnyDeviceType | null,
  { payloadJson, payloadRaw, channel, contentType, topic, deviceId, receivedAt }: StoredMessage,
): unknown {
  if (payloadJson !== null) return JSON.parse(payloadJson)
  if (payloadRaw === null || type === null || channel === null) return undefined
  try {
    return decodeWith(optionOf(type, 'codec'), payloadRaw, {
      channel,
      topic,
      deviceId: deviceId ?? '',
      receivedAt: new Date(receivedAt),
      contentType: contentType ?? undefined,
    })
  } catch {
    // Rejected for it when it came: whoever asks for rejected messages has the bytes in `row`.
    return channel === 'status' ? plainStatus(payloadRaw) : undefined
  }
}
