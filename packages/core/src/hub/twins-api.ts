import type { BulkTarget } from '../commands/bulk.js'
import type { Dispatcher } from '../dispatch/dispatcher.js'
import { accept, integer, optional, options, record, showValue } from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { InferState } from '../model/device-type/infer.js'
import { DeviceHubError } from '../model/errors.js'
import { assertDeviceId } from '../model/topic/index.js'
import type { Clock } from '../ports/clock.js'
import { desiredValue, type Twin, toTwin } from '../twin/twin.js'
import type { ApiStorage } from './api-storage.js'
import { acceptDeviceId } from './rules.js'
import { type DesiredManyResult, setDesiredMany } from './set-desired-many.js'

/** Null takes a field out of the desired state. */
export type DesiredPatch<State> = { readonly [Name in keyof State]?: State[Name] | null }

/** The twins of one device type. */
export interface TwinApi<T extends AnyDeviceType> {
  /**
   * Null when there is no such device.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const twin = await hub.twin(WeatherStation).get('STATION-001')
   * twin?.delta.recording_mode // set, and not reported yet
   */
  get(deviceId: string): Promise<Twin<InferState<T>> | null>
  /**
   * Changes what the device is to be, and publishes it: retained, so that a device that is away gets the newest document
   * and only that. `ifVersion`: only as long as the version is this one, else `version_conflict` (`details.version`);
   * 0 is one that was never set. `invalid_payload` for an unknown field or a value that does not fit, `device_not_found`,
   * `device_inactive`. Resolves once it is stored; whether it is published `publishedVersion` says later.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * await hub.twin(WeatherStation).setDesired('STATION-001', { recording_mode: 'burst' })
   */
  setDesired(
    deviceId: string,
    patch: DesiredPatch<InferState<T>>,
    options?: { readonly ifVersion?: number },
  ): Promise<Twin<InferState<T>>>
  /**
   * The same patch for many devices: their ids, or those that a selector says when it begins. Each device is a transaction
   * of its own. An error of the database ends it, and what was set stays: the same call again sets the rest.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const filter = { labels: { site: 'north' } }
   * await hub.twin(WeatherStation).setDesiredMany({ filter }, { recording_mode: 'burst' })
   */
  setDesiredMany(target: BulkTarget<T>, patch: DesiredPatch<InferState<T>>): Promise<DesiredManyResult>
}

export interface TwinsContext {
  readonly storage: Pick<ApiStorage, 'twins' | 'devices'>
  readonly clock: Clock
  readonly dispatcher: Dispatcher
  readonly deviceIdMaxLength: number
}

const SET = options<{ readonly ifVersion?: number }>({ ifVersion: optional(integer({ min: 0 })) })

export function createTwinApi<T extends AnyDeviceType>(
  type: T,
  { storage, clock, dispatcher, deviceIdMaxLength }: TwinsContext,
): TwinApi<T> {
  const api: TwinApi<T> = {
    async get(givenId) {
      const deviceId = acceptDeviceId('twin.get', givenId)
      const found = await storage.twins.get(type, deviceId)
      return found === null ? null : (toTwin(type, deviceId, found) as Twin<InferState<T>>)
    },
    async setDesired(deviceId, given, how = {}) {
      assertDeviceId(deviceId, deviceIdMaxLength)
      const { ifVersion } = accept('twin.setDesired', 'options', SET, how)
      const patch = accept('twin.setDesired', 'patch', record, given, 'invalid_payload')
      const change = { type, deviceId, patch: toPatch(type, patch), at: clock.now() }
      const done = await storage.twins.setDesired(ifVersion === undefined ? change : { ...change, ifVersion })
      if (done.outcome === 'set') {
        dispatcher.start()
        dispatcher.wake()
        return toTwin(type, deviceId, done.record) as Twin<InferState<T>>
      }
      const who = `${type.name} "${deviceId}"`
      if (done.outcome === 'conflict')
        throw new DeviceHubError(
          'version_conflict',
          `the desired state of ${who} has the version ${done.version}, not ${ifVersion}; read it again`,
          { details: { type: type.key, deviceId, version: done.version } },
        )
      const why = done.outcome === 'device_inactive' ? `${who} is deactivated` : `there is no ${who}`
      throw new DeviceHubError(done.outcome, `the desired state was not set: ${why}`, {
        details: { type: type.key, deviceId },
      })
    },
    async setDesiredMany(target, patch) {
      // A patch that fits no device is refused before any is changed.
      toPatch(type, accept('twin.setDesiredMany', 'patch', record, patch, 'invalid_payload'))
      const context = { storage, clock }
      return setDesiredMany(context, type, target as BulkTarget, (deviceId) =>
        api.setDesired(deviceId, patch),
      )
    },
  }
  return api
}

function toPatch(type: AnyDeviceType, patch: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const entries = Object.entries(patch).filter(([, value]) => value !== undefined)
  const values = entries.map(([name, value]): [string, unknown] => {
    const field = Object.hasOwn(type.state, name) ? type.state[name] : undefined
    if (field === undefined) {
      const known = type.stateNames.join(', ') || 'none'
      throw new DeviceHubError(
        'invalid_payload',
        `${type.name} has no state field ${showValue(name)}; declared: ${known}`,
        {
          details: { field: name },
        },
      )
    }
    return [name, value === null ? null : desiredValue(field, value, `${type.name}.${name}`)]
  })
  return Object.fromEntries(values)
}
