import type { DeviceDirectory } from '../ingest/device-directory.js'
import { accept, line, optional, options } from '../model/check/index.js'
import type { AnyDeviceType, Device } from '../model/device-type/device-type.js'
import { DeviceHubError } from '../model/errors.js'
import { DEVICE_STATUSES } from '../model/statuses.js'
import type { Clock } from '../ports/clock.js'
import type { DeviceRecord } from '../ports/devices.js'
import type { StatusTransition, Storage } from '../ports/storage.js'
import { decidedStatus } from '../rules/decided-status.js'
import { toDevice } from '../rules/device-row.js'
import { isReachable } from '../rules/states.js'
import { type AssertType, acceptDeviceId } from './rules.js'

/** What the audit row of a status set by the application says. */
export interface MarkOptions {
  /** Why, for the audit row and `deviceDisconnected`: one line of at most 255 characters; default `marked <status> by the application`. */
  readonly reason?: string
}

export interface MarkContext {
  readonly storage: Storage
  readonly directory: DeviceDirectory
  readonly clock: Clock
  readonly topicPrefix: string
  readonly assertType: AssertType
  readonly announce: (transition: StatusTransition, record: DeviceRecord, reason: string) => void
  /** Commands may be due that waited for a device. */
  readonly onReachable: () => void
}

type Mark = 'online' | 'offline'

const OPTIONS = options<MarkOptions>({ reason: optional(line()) })

/** What a status message of the device would do, said by the application: the row, the audit row, signals and hooks. */
export async function markStatus(
  context: MarkContext,
  mark: Mark,
  type: AnyDeviceType,
  givenId: string,
  given: MarkOptions = {},
): Promise<Device> {
  const call = mark === 'online' ? 'devices.markOnline' : 'devices.markOffline'
  context.assertType(call, type)
  const deviceId = acceptDeviceId(call, givenId)
  const { reason = `marked ${mark} by the application` } = accept(call, 'options', OPTIONS, given)
  const { storage, directory, clock } = context
  const before = await find(storage, type, deviceId)
  // An end is no sign of life, so there is nothing to write.
  if (mark === 'offline' && before.status === 'offline') return toDevice(type, before)
  const now = clock.now()
  const lastSeen = mark === 'online' ? now : Math.min(before.lastSeen ?? now, now)
  const { transitions } = await storage.commit({
    entries: [],
    touches: [],
    changes: [
      {
        type,
        deviceId,
        lastSeen,
        at: now,
        liveAt: now,
        // Of a device that has this status already nothing is told a second time, whoever gave it meanwhile.
        status: { value: mark, from: DEVICE_STATUSES.filter((status) => status !== mark) },
        audit: decidedStatus({
          type,
          deviceId,
          topicPrefix: context.topicPrefix,
          source: 'devices',
          payload: { status: mark, reason },
          now,
        }),
      },
    ],
  })
  directory.forget(type, deviceId)
  for (const { from, to } of transitions) {
    context.announce({ type, deviceId, from, to, at: now }, { ...before, status: from, lastSeen }, reason)
    if (isReachable(to)) context.onReachable()
  }
  return toDevice(type, await find(storage, type, deviceId))
}

async function find(storage: Storage, type: AnyDeviceType, deviceId: string): Promise<DeviceRecord> {
  const [record] = await storage.devices.find(type, [deviceId])
  if (record !== undefined) return record
  throw deviceNotFound(type, deviceId)
}

export const deviceNotFound = (type: AnyDeviceType, deviceId: string) =>
  new DeviceHubError(
    'device_not_found',
    `there is no ${type.name} "${deviceId}"; create it with devices.create`,
    { details: { type: type.key, deviceId } },
  )
