import { sleep } from '@devicehub-internal/async'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { isRetryable } from '../model/errors.js'
import type { NewMessage } from '../model/message.js'
import type { DeviceStatus } from '../model/statuses.js'
import type { DeviceRecord } from '../ports/devices.js'
import type { LeaseFence } from '../ports/leases.js'
import type { CommitBatch, CommittedTransition, DeviceChange } from '../ports/storage.js'
import { decidedStatus } from '../rules/decided-status.js'
import type { FaultLog } from '../rules/fault-log.js'
import type { PresenceHub } from './presence-hub.js'

/**
 * A device that reported one of these and fell silent is offline. `maintenance` and `provisioning` stay: nobody expects
 * to hear of such a device.
 */
export const WATCHED_STATUSES: readonly DeviceStatus[] = ['online', 'error', 'low_battery']

export interface MarkContext {
  readonly hub: PresenceHub
  readonly type: AnyDeviceType
  /** Milliseconds without a sign of life. */
  readonly limit: number
  /** When the watch began: silence counts from then at the earliest. */
  readonly since: number
  readonly now: number
  readonly fence: LeaseFence
  readonly signal: AbortSignal
  /** Of marking, over all sweeps. */
  readonly faultLog: FaultLog
}

const TRIES = 5

/** Marks them offline in one commit, those that were not heard of meanwhile, and tells of each. How many there were. */
export async function markOverdue(context: MarkContext, records: readonly DeviceRecord[]): Promise<number> {
  const { hub } = context
  const changes = records.map((record) => changeOf(context, record))
  const batch: CommitBatch = { entries: [], touches: [], changes, fences: [context.fence] }
  const transitions = await commit(context, batch)
  for (const transition of transitions)
    announce(context, transition, records[transition.change] as DeviceRecord)
  hub.metrics.count('devicehub_presence_marked_total', transitions.length, { type: context.type.key })
  return transitions.length
}

function changeOf(context: MarkContext, record: DeviceRecord): DeviceChange {
  const { type, limit, since, now } = context
  const { deviceId } = record
  const lastSeen = record.lastSeen ?? 0
  return {
    type,
    deviceId,
    lastSeen,
    // When it became overdue, not when that was noticed: what the device measured since then is newer news.
    at: Math.max(lastSeen, record.statusAt ?? 0, since) + limit,
    status: { value: 'offline', from: WATCHED_STATUSES },
    ifSeenBefore: now - limit,
    audit: auditOf(context, record),
  }
}

function auditOf({ hub, type, now }: MarkContext, record: DeviceRecord): NewMessage {
  const { deviceId, status, lastSeen } = record
  const payload = {
    status: 'offline',
    from: status,
    reason: reasonOf(record, now),
    last_seen: new Date(lastSeen ?? 0).toISOString(),
  }
  return decidedStatus({ type, deviceId, topicPrefix: hub.topicPrefix, source: 'presence', payload, now })
}

const reasonOf = ({ lastSeen }: DeviceRecord, now: number) =>
  `no sign of life for ${Math.floor((now - (lastSeen ?? 0)) / 1000)} s`

async function commit(context: MarkContext, batch: CommitBatch): Promise<readonly CommittedTransition[]> {
  const { storage, logger } = context.hub
  for (let attempt = 1; ; attempt++) {
    try {
      const { transitions } = await storage.commit(batch)
      context.faultLog.works()
      return attempt === 1 ? transitions : withLost(context, batch, transitions)
    } catch (error) {
      if (!isRetryable(error) || attempt >= TRIES || context.signal.aborted) throw error
      // What needs somebody is not tried again here.
      context.faultLog.failed(error, (fields) =>
        logger.warn(fields, 'the presence monitor could not mark devices; trying again'),
      )
      await sleep(100 * 2 ** attempt, context.signal)
    }
  }
}

/** The answer of an attempt that failed may be all that was lost. Only the lease's holder writes this status at this time. */
async function withLost(
  { hub, type }: MarkContext,
  { changes }: CommitBatch,
  transitions: readonly CommittedTransition[],
): Promise<readonly CommittedTransition[]> {
  const told = new Set(transitions.map(({ change }) => change))
  const rest = new Map(changes.flatMap((one, place) => (told.has(place) ? [] : [[one.deviceId, place]])))
  const lost: CommittedTransition[] = []
  for (const { deviceId, status, statusAt } of await hub.storage.devices.find(type, [...rest.keys()])) {
    const place = rest.get(deviceId) ?? -1
    const { at, audit } = changes[place] ?? {}
    if (status !== 'offline' || at === undefined || statusAt !== at) continue
    const { from } = JSON.parse(audit?.payloadJson ?? '{}') as { from: DeviceStatus }
    lost.push({ type, deviceId, from, to: 'offline', at, change: place })
  }
  return [...transitions, ...lost]
}

function announce(
  { hub, type, now }: MarkContext,
  { deviceId, from, to, at }: CommittedTransition,
  record: DeviceRecord,
): void {
  try {
    hub.announce({ type, deviceId, from, to, at }, record, reasonOf(record, now))
  } catch (error) {
    hub.logger.error({ err: error }, 'a subscriber of a presence announcement threw')
  }
}
