import type { BulkOptions, BulkSummary, BulkTarget } from '../commands/bulk.js'
import type { SendOptions } from '../commands/send-options.js'
import type { WaitOptions } from '../commands/wait-for-end.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { InferCommands } from '../model/device-type/infer.js'
import type { CommandState } from '../model/statuses.js'
import type { Page } from '../ports/storage.js'
import type { CommandInfo } from '../rules/command-info.js'

/** The names of a type's commands. */
export type CommandNames<T extends AnyDeviceType> = keyof T['commands'] & string

/** What the caller gives with a command; undefined for one without payload. */
export type CommandPayload<
  T extends AnyDeviceType,
  Name extends CommandNames<T>,
> = InferCommands<T>[Name]['payload']

/** What a device answers to a command; unknown when no schema is declared. */
export type CommandResult<
  T extends AnyDeviceType,
  Name extends CommandNames<T>,
> = InferCommands<T>[Name]['result']

/** A command without a payload needs none; one with a payload cannot go without. */
type Rest<Payload, Options> = undefined extends Payload
  ? [payload?: Payload, options?: Options]
  : [payload: Payload, options?: Options]

/** A command on its way. */
export interface CommandHandle<Result = unknown> {
  /** Of the ledger: the command is found by it again, also in another process. */
  readonly id: string
  /** Of the device it is for. */
  readonly deviceId: string
  /**
   * Resolves with what the device answered, whichever process its reply reaches. Rejects with `command_failed`,
   * `command_rejected`, `command_timed_out`, `command_expired` or `command_cancelled` (`details.reason`), with the
   * signal's reason, with `command_pending` when `timeout` is over, or with `closed` when the hub closes first. Whether
   * or not anybody asks, the ledger goes on.
   */
  result(options?: WaitOptions): Promise<Result>
  /** As the ledger has it now. */
  get(): Promise<CommandInfo>
  /** Like `hub.commands.cancel`. */
  cancel(reason?: string): Promise<boolean>
}

/** Which commands of the ledger, and how many at a time. */
export interface CommandQuery {
  /** Of one type. */
  readonly type?: AnyDeviceType
  /** Of one device. */
  readonly deviceId?: string
  /** In one state, or in any of several. */
  readonly state?: CommandState | readonly CommandState[]
  /** Of one name. */
  readonly command?: string
  /** Of a bulk. */
  readonly batch?: string
  /** 1 to 1,000; default 100. */
  readonly limit?: number
  /** Of the page before; absent: the first page. */
  readonly cursor?: string | undefined
}

/** Commands to devices, in a ledger that outlives every process. */
export interface CommandsApi {
  /**
   * Resolves once the command is in the ledger; `result()` of the handle waits for the device. `device_not_found`,
   * `device_inactive`, `device_offline` (with `onOffline: 'fail'`), `unknown_command`, `invalid_payload`,
   * `invalid_options`: nothing was sent.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const command = await hub.commands.send(WeatherStation, 'STATION-001', 'set_interval', { interval: 60 })
   * const { previous } = await command.result({ timeout: 60 })
   */
  send<T extends AnyDeviceType, Name extends CommandNames<T>>(
    type: T,
    deviceId: string,
    name: Name,
    ...rest: Rest<CommandPayload<T, Name>, SendOptions>
  ): Promise<CommandHandle<CommandResult<T, Name>>>
  /**
   * Sends one command to many devices, so many at a time. Resolves when each has an end, or waits for its device.
   * What concerns one device is counted and told to `onResult`; only what concerns all of them rejects.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const { counts } = await hub.commands.sendMany(WeatherStation, { filter: { status: 'online' } }, 'reboot')
   */
  sendMany<T extends AnyDeviceType, Name extends CommandNames<T>>(
    type: T,
    target: BulkTarget,
    name: Name,
    ...rest: Rest<CommandPayload<T, Name>, BulkOptions<CommandResult<T, Name>>>
  ): Promise<BulkSummary>
  /** Null when there is none of that id. */
  get(id: string): Promise<CommandInfo | null>
  /**
   * Newest first.
   *
   * @example
   * import { hub, WeatherStation } from './hub.js'
   *
   * const { items } = await hub.commands.list({ type: WeatherStation, state: ['queued', 'sent'] })
   */
  list(query?: CommandQuery): Promise<Page<CommandInfo>>
  /**
   * Resolves with the command once it has an end, whoever sent it. `command_not_found`, `command_pending`, the
   * signal's reason, `closed`.
   *
   * @example
   * import { hub } from './hub.js'
   *
   * const { state, result } = await hub.commands.wait('the id of a handle', { timeout: '1m' })
   */
  wait(id: string, options?: WaitOptions): Promise<CommandInfo>
  /**
   * Ends a command that has no end yet. One that was published already may be executed all the same: its reply is
   * recorded as late. False when it had ended; `command_not_found`.
   */
  cancel(id: string, reason?: string): Promise<boolean>
}
