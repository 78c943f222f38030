import type { DeviceChange, LiveState } from '../ports/storage.js'
import { isDatedBack } from './dated-back.js'
import { isReachable } from './states.js'

/** Of a device's row, what messages change. */
export const liveStateOf = ({
  status,
  statusAt,
  statusClaimedAt,
  batteryLevel,
  firmwareVersion,
  lastSeen,
  sessionAt,
}: LiveState): LiveState => ({
  status,
  statusAt,
  statusClaimedAt,
  batteryLevel,
  firmwareVersion,
  lastSeen,
  sessionAt,
})

/**
 * One step of "old news changes nothing" (invariant 4), shared by every storage: `last_seen` only moves forward, and news
 * that came in before the news a row already holds changes nothing else; nor does a report that the device itself dates
 * before its last dated one, nor the end of a session that a later one has replaced. What came in just now (`liveAt`) is
 * the newest whatever time the row has: a time ahead of it is of a clock that was set back since, or of another hub's.
 * Gives `current` itself back when the change's own condition does not hold.
 */
export function applyDeviceChange(current: LiveState, change: DeviceChange): LiveState {
  const { ifSeenBefore, session, liveAt } = change
  if (ifSeenBefore !== undefined && (current.lastSeen === null || current.lastSeen >= ifSeenBefore))
    return current
  const seenBefore = Math.min(current.lastSeen ?? change.lastSeen, liveAt ?? Number.POSITIVE_INFINITY)
  const lastSeen = Math.max(seenBefore, change.lastSeen)
  const isLive = liveAt !== undefined
  const isReplaced =
    current.sessionAt !== null &&
    session !== undefined &&
    isDatedBack({ claimedAt: session.startedAt, at: change.at, isLive }, current.sessionAt)
  if (session?.ended && isReplaced) return { ...current, lastSeen }
  // Also of one that is told late: the ends that it outlives are still to come.
  const sessionAt = session && !isReplaced ? session.startedAt : current.sessionAt
  const claimedAt = change.claimedAt ?? null
  const isOld =
    claimedAt !== null &&
    current.statusClaimedAt !== null &&
    isDatedBack({ claimedAt, at: change.at, isLive }, current.statusClaimedAt)
  const cameLate = !isLive && current.statusAt !== null && change.at < current.statusAt
  const isLate = isOld || cameLate
  if (isLate && !outlives(current, session)) {
    // That it sends at all is news of now, however old what it says.
    const wakes = !cameLate && change.status?.from?.includes(current.status)
    return wakes && change.status
      ? { ...current, lastSeen, sessionAt, status: change.status.value, statusAt: change.at }
      : { ...current, lastSeen, sessionAt }
  }
  const applies = change.status !== undefined && (change.status.from?.includes(current.status) ?? true)
  const status = applies && change.status ? change.status.value : current.status
  // A will, a broker or a silence says that the device is gone: it may come back with another clock.
  const isGone = claimedAt === null && change.status !== undefined && !isReachable(status)
  return {
    status,
    statusAt: isLate ? current.statusAt : change.at,
    statusClaimedAt: claimedAt ?? (isGone ? null : current.statusClaimedAt),
    batteryLevel: change.batteryLevel ?? current.batteryLevel,
    firmwareVersion: change.firmwareVersion ?? current.firmwareVersion,
    lastSeen,
    sessionAt,
  }
}

/**
 * A session that began behind the one whose end the row knows: a broker ends the earlier connection of a device when the
 * next one is there, so that its end has the later time.
 */
const outlives = ({ status, sessionAt }: LiveState, session: DeviceChange['session']): boolean =>
  session !== undefined &&
  !session.ended &&
  status === 'offline' &&
  sessionAt !== null &&
  session.startedAt > sessionAt
