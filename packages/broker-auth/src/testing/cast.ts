import { type AnyDeviceType, deviceTopics } from '@devicehub/core'
import { type Fleet, type Login, Pump, Sensor } from './fleet.js'

/** A device of the cast, with its login. */
export interface Actor extends Login {
  readonly type: AnyDeviceType
  readonly deviceId: string
}

/** Who plays in the table. */
export interface Cast {
  /** It tries all of this; its credentials are good. */
  readonly attacker: Actor
  /** Of the same type. */
  readonly victim: Actor
  /** Of another type, with the attacker's device id. */
  readonly twin: Actor
  /** It was deactivated. */
  readonly inactive: Actor
  /** Its credentials were revoked. */
  readonly revoked: Actor
}

export async function castOf(fleet: Fleet): Promise<Cast> {
  const actor = async (type: AnyDeviceType, deviceId: string): Promise<Actor> => ({
    type,
    deviceId,
    ...(await fleet.issue(type, deviceId)),
  })
  const cast = {
    attacker: await actor(Sensor, 'A1'),
    victim: await actor(Sensor, 'A2'),
    twin: await actor(Pump, 'A1'),
    inactive: await actor(Sensor, 'A3'),
    revoked: await actor(Sensor, 'A4'),
  }
  await fleet.hub.devices.update(Sensor, 'A3', { isActive: false })
  await fleet.revoke(Sensor, 'A4')
  return cast
}

export interface Attempt<Request> {
  readonly name: string
  readonly request: (cast: Cast) => Request
}

export const topicsOf = ({ type, deviceId }: Actor) => deviceTopics(type, deviceId)
