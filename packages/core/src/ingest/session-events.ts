import type { StatusTransition } from '../ports/storage.js'
import type { KnownDevice } from './device-directory.js'
import type { PlannedMessage } from './planned-message.js'

export interface SessionEventOutcome {
  readonly message: PlannedMessage
  /** What it brought about; null: nothing, it was so already, or newer news are known. */
  readonly transition: StatusTransition | null
}

/** The events of a batch, each with its transition: transitions are in the order of the changes, as these are. */
export function sessionEvents(
  planned: readonly PlannedMessage[],
  transitions: readonly StatusTransition[],
): readonly SessionEventOutcome[] {
  const events = planned.filter(({ session }) => session !== null)
  if (events.length === 0) return []
  const left = new Map<string, StatusTransition[]>()
  for (const transition of transitions) {
    const name = deviceName(transition)
    left.set(name, [...(left.get(name) ?? []), transition])
  }
  return events.map((message) => {
    const ofDevice = left.get(deviceName(message)) ?? []
    const to = message.change?.status?.value
    const index = ofDevice.findIndex((one) => one.to === to && one.at === message.at)
    const [transition = null] = index < 0 ? [] : ofDevice.splice(index, 1)
    return { message, transition }
  })
}

export interface ToldTransition {
  readonly transition: StatusTransition
  readonly known: KnownDevice
  /** Of the event that brought it about; undefined: the device itself did. */
  readonly reason: string | undefined
}

/** What of a batch is to be announced. */
export function toldTransitions(
  planned: readonly PlannedMessage[],
  events: readonly SessionEventOutcome[],
  transitions: readonly StatusTransition[],
): readonly ToldTransition[] {
  if (transitions.length === 0) return []
  const devices = new Map<string, KnownDevice>()
  for (const message of planned) if (message.known !== null) devices.set(deviceName(message), message.known)
  const reasons = new Map(events.map(({ message, transition }) => [transition, message.session?.reason]))
  return transitions.flatMap((transition) => {
    const known = devices.get(deviceName(transition))
    return known === undefined ? [] : [{ transition, known, reason: reasons.get(transition) }]
  })
}

/** A type key has no slash. */
export const deviceName = ({ type, deviceId }: Pick<PlannedMessage, 'type' | 'deviceId'>): string =>
  `${type?.key}/${deviceId}`
