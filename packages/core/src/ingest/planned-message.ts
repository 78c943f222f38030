import type { Reply } from '../model/codec/parse-reply.js'
import { toLine } from '../model/codec/text.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { MessageDirection, MessageRef } from '../model/message.js'
import type { DeviceStatus } from '../model/statuses.js'
import type { Channel } from '../model/topic/index.js'
import type { CommandChange } from '../ports/commands.js'
import type { CommitEntry, DeviceChange, DeviceTouch, NewSample } from '../ports/storage.js'
import type { InboundMessage } from '../ports/transport.js'
import type { DesiredPublished, StateReport } from '../ports/twins.js'
import type { KnownDevice } from './device-directory.js'
import type { Refusal, Settle } from './ingest.js'

/** Characters of a reason: what is declared is named in it, and only parts of what was sent. */
const REASON_MAX = 2_000

/** What a message says of its device besides samples. */
export interface News {
  readonly status?: DeviceStatus
  readonly batteryLevel?: number
  readonly firmwareVersion?: string
}

/** What a broker told of a device's connection. */
export interface SessionNews {
  readonly event: 'connected' | 'disconnected'
  /** When the connection began, epoch milliseconds; null: the broker does not say. */
  readonly startedAt: number | null
  /** Why it ended. */
  readonly reason: string
}

/** A message on its way: what `planMessage` found out from the bytes alone, then what the device's record adds. */
export interface PlannedMessage {
  /** What the hub sent or decided takes the same way as what came in: in order with it, device by device. */
  readonly direction: MessageDirection
  readonly inbound: InboundMessage
  readonly settle: Settle
  readonly receivedAt: number
  readonly type: AnyDeviceType | null
  readonly deviceId: string | null
  readonly channel: Channel | null
  readonly payloadJson: string | null
  readonly payloadRaw: Uint8Array | null
  readonly samples: readonly NewSample[]
  readonly news: News | null
  /** The hub's own time of what the message says: when it came in, or when the broker says it happened. Never a device's. */
  readonly at: number
  /** The device's own time of its news, as far as it orders them among themselves; null: by arrival. */
  readonly claimedAt: number | null
  flags: string | null
  /** Stored all the same, but not all of it. */
  readonly partial: Refusal | null
  /** Its row is written with the change of the device, and only when the status is another then: it makes no entry. */
  readonly session: SessionNews | null
  readonly replayOf: MessageRef | undefined
  /** Of a `response`: what it does to its command is `command`, once the command is known. */
  readonly reply: Reply | null
  report: StateReport | null
  command: CommandChange | null
  desired: DesiredPublished | null
  refusal: (Refusal & { readonly status: 'rejected' | 'quarantined' }) | null
  known: KnownDevice | null
  touch: DeviceTouch | null
  change: DeviceChange | null
  settled: boolean
}

/** What the step of its channel makes of a decoded payload. */
export type Content = Pick<PlannedMessage, 'samples' | 'news' | 'flags' | 'partial'> &
  Partial<Pick<PlannedMessage, 'claimedAt' | 'reply' | 'report'>>

/** What reasons quote comes from devices: in the row, in logs and in answers alike it is a line of bounded length. */
export const refusalOf = <Status extends 'rejected' | 'quarantined'>(
  status: Status,
  { code, reason }: Refusal,
): Refusal & { readonly status: Status } => ({ status, code, reason: toLine(reason, REASON_MAX) })

/** Refuses a planned message: its audit row says why, and nothing else of it is stored but that its device lives. */
export function refuse(planned: PlannedMessage, status: 'rejected' | 'quarantined', refusal: Refusal): void {
  planned.refusal = refusalOf(status, refusal)
  const { type, change } = planned
  if (change !== null && type !== null && !isOnlyWaking(planned)) {
    planned.change = null
    if (planned.session === null)
      planned.touch = { type, deviceId: change.deviceId, lastSeen: change.lastSeen }
  }
  planned.report = null
  planned.command = null
  planned.desired = null
}

/** Its change holds nothing that the device said: only that it said something. */
const isOnlyWaking = ({ news, session }: PlannedMessage): boolean => news === null && session === null

export const makesEntry = ({ session }: PlannedMessage): boolean => session === null

const NO_SAMPLES: readonly NewSample[] = []

/** The rows of a planned message. */
export function toCommitEntry(planned: PlannedMessage, processedAt: number): CommitEntry {
  const { inbound, refusal } = planned
  const why = refusal ?? planned.partial
  const message = {
    deviceId: planned.deviceId,
    channel: planned.channel,
    direction: planned.direction,
    topic: inbound.topic,
    payloadJson: planned.payloadJson,
    payloadRaw: planned.payloadRaw,
    contentType: inbound.contentType ?? null,
    correlationId: inbound.correlationId ?? null,
    userProperties: inbound.userProperties === undefined ? null : JSON.stringify(inbound.userProperties),
    source: inbound.source,
    qos: inbound.qos ?? 0,
    redelivered: inbound.redelivered ?? false,
    retained: inbound.retained ?? false,
    status: refusal === null ? ('processed' as const) : refusal.status,
    code: why === null ? null : why.code,
    reason: why === null ? null : toLine(why.reason, REASON_MAX),
    flags: planned.flags,
    receivedAt: planned.receivedAt,
    processedAt,
  }
  const samples = refusal === null ? planned.samples : NO_SAMPLES
  const { type, replayOf, command, report, desired } = planned
  // Most have none of the rest, and looking through it costs each message.
  if (!replayOf && !command && !report && !desired) return { type, message, samples }
  return {
    type,
    message,
    samples,
    ...(replayOf && { replayOf }),
    ...(command && { command }),
    ...(report && { report }),
    ...(desired && { desired }),
  }
}
