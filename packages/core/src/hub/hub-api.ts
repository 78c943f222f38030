import type { AnyDeviceType, TypeOptions } from '../model/device-type/device-type.js'
import type { CommandsApi } from './commands-api.js'
import type { DevicesApi } from './devices-api.js'
import type { MessagesApi } from './messages-api.js'
import type { ReadingsApi } from './readings-api.js'
import type { Scope } from './scope/scope.js'
import type { TwinApi } from './twins-api.js'

/**
 * The devices of a scope. What is told of devices beside ingest, and who they belong to, is not somebody's within a
 * scope to say: `markOnline`, `markOffline` are the hub's alone.
 */
export type ScopedDevicesApi = Omit<DevicesApi, 'markOnline' | 'markOffline'>

/**
 * What somebody can do with devices: with all of them (`createDeviceHub`), or with those in a scope (`hub.scoped`). What
 * is outside the scope does not exist: not in lists, counts and figures, not by its id, and no cursor leads there.
 */
export interface HubApi {
  /** Its types, without the abstract ones; in a scope those of which it can have devices. Others are `unknown_type`. */
  readonly types: readonly AnyDeviceType[]
  /** All options of a type as this hub goes by them; durations are numbers of seconds. */
  typeOptions(type: AnyDeviceType): TypeOptions<number>
  /** Creates, finds and changes devices. */
  readonly devices: ScopedDevicesApi
  /** Stored samples and last values. */
  readonly readings: ReadingsApi
  /** The audit rows of messages, and their replay. */
  readonly messages: MessagesApi
  /** Commands to devices. */
  readonly commands: CommandsApi
  /** Desired and reported state of the devices of a type. `unknown_type` for one that is not of this hub. */
  twin<T extends AnyDeviceType>(type: T): TwinApi<T>
  /**
   * The hub as somebody may see and use it: the same functions for the devices of a scope. A device that is created there gets the
   * labels that the scope has one value for; a change after which a device would be outside is refused with
   * `out_of_scope`. Scopes narrow: `hub.scoped(a).scoped(b)` has what is in both. `invalid_query` for a scope that
   * does not fit, has an absent value, or limits nothing. It is cheap: one for each request is fine.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const customer = hub.scoped({ labels: { customer: 'c-17' } })
   * await customer.devices.list(WeatherStation) // theirs alone
   */
  scoped(scope: Scope): HubApi
}
