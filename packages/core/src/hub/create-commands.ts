import { BULK, type BulkOptions, type BulkOutcome, isOfDevice, runBulk, TARGET } from '../commands/bulk.js'
import { commandError, unknownCommandId } from '../commands/command-errors.js'
import type { CommandQueue } from '../commands/command-queue.js'
import { preparePayload } from '../commands/prepare-payload.js'
import { SEND, type SendOptions, type SendSettings, sendSettings } from '../commands/send-options.js'
import type { CommandTracker, TrackedCommand } from '../commands/tracker.js'
import { waitForEnd } from '../commands/wait-for-end.js'
import { decidedMessage } from '../dispatch/command-message.js'
import type { DispatchContext } from '../dispatch/publish-commands.js'
import { typedResult } from '../ingest/typed-result.js'
import { accept, either, list, optional, options, text, word } from '../model/check/index.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { deviceType } from '../model/device-type/type-rule.js'
import type { InMilliseconds } from '../model/duration.js'
import { DeviceHubError } from '../model/errors.js'
import { quietWhenClosed } from '../model/quiet-when-closed.js'
import { COMMAND_STATES, type CommandState } from '../model/statuses.js'
import { topicOf } from '../model/topic/build-topic.js'
import { assertDeviceId } from '../model/topic/index.js'
import type { CommandFilter, NewCommand } from '../ports/commands.js'
import { randomIds } from '../ports/ids.js'
import { toCommandInfo } from '../rules/command-info.js'
import { isFinal, isReachable } from '../rules/states.js'
import type { ApiStorage } from './api-storage.js'
import { bulkDeviceIds } from './bulk-devices.js'
import type { CommandHandle, CommandQuery, CommandsApi } from './commands-api.js'
import { type AssertType, ID_FILTER, PAGE, PAGE_LIMIT } from './rules.js'
import type { HubScope } from './scope/scope.js'

export interface CommandsContext
  extends Pick<
    DispatchContext,
    'types' | 'directory' | 'topicPrefix' | 'deviceIdMaxLength' | 'clock' | 'record'
  > {
  readonly storage: Pick<ApiStorage, 'commands' | 'devices'>
  /** Of the whole hub: commands are sent in the order in which they were asked for, by whomever. */
  readonly queue: CommandQueue
  readonly tracker: CommandTracker
  /** Absent: all devices. */
  readonly scope?: HubScope
  readonly assertType: AssertType
  /** Bytes of a payload's JSON. */
  readonly maxPayload: number
}

const SEND_OPTIONS = options<InMilliseconds<SendOptions>>(SEND)
const STATE = word(...COMMAND_STATES)
const NAME = text({ max: 128 })
const ID = text({ max: 64 })
const REASON = text({ max: 4096 })

const QUERY = options<CommandQuery>({
  ...PAGE,
  type: optional(deviceType),
  deviceId: ID_FILTER,
  state: optional(either(STATE, list(STATE))),
  command: optional(NAME),
  batch: optional(ID),
})

const UNFINISHED: readonly CommandState[] = ['queued', 'sent', 'accepted']

export function createCommands(context: CommandsContext): CommandsApi {
  const { storage, clock, tracker, assertType, queue, scope } = context

  /** `waits`: for its device; nobody can say how long. */
  async function sendOne(
    type: AnyDeviceType,
    deviceId: string,
    command: Pick<NewCommand, 'command' | 'payload' | 'batch'>,
    settings: SendSettings,
  ): Promise<{ readonly tracked: TrackedCommand; readonly waits: boolean }> {
    assertDeviceId(deviceId, context.deviceIdMaxLength)
    const id = randomIds.next()
    const within = scope && { within: scope.conditionOf(type) }
    const created = { ...command, ...settings, id, type, deviceId, createdAt: clock.now(), ...within }
    // Before it can be published: the reply may be faster than what follows.
    const tracked = tracker.add({ id, deviceId, command: command.command, typeKey: type.key })
    const outcome = await queue.push(created).catch((error: unknown) => {
      tracker.forget(id)
      throw error
    })
    return {
      tracked,
      waits: outcome === 'queued' && created.onOffline === 'queue' && !(await isUp(type, deviceId)),
    }
  }

  async function isUp(type: AnyDeviceType, deviceId: string): Promise<boolean> {
    const { directory } = context
    const known = directory.get(type, deviceId) ?? (await directory.load(type, [deviceId])).get(deviceId)
    return known !== undefined && isReachable(known.status)
  }

  const handleOf = (type: AnyDeviceType, tracked: TrackedCommand): CommandHandle => ({
    id: tracked.id,
    deviceId: tracked.deviceId,
    result: (options = {}) =>
      quietWhenClosed(async () => {
        const record = await waitForEnd(tracker, tracked, 'result', options)
        // Its device may be another's by now.
        if (scope) await known(tracked.id)
        if (record.state !== 'succeeded') throw commandError(record)
        return typedResult(type, record)
      }),
    get: () => known(tracked.id).then(toCommandInfo),
    cancel: (reason) => cancel('cancel', tracked.id, reason),
  })

  async function known(id: string) {
    const [record] = await storage.commands.find([id])
    if (record === undefined) throw unknownCommandId(id)
    return record
  }

  async function cancel(call: string, id: string, given: string | undefined): Promise<boolean> {
    const reason = given === undefined ? 'it was cancelled' : accept(call, 'reason', REASON, given)
    const record = await known(id)
    const type = context.types.find(({ key }) => key === record.typeKey)
    if (type === undefined)
      throw new DeviceHubError(
        'unknown_type',
        `the command ${id} is for the type ${record.typeKey}, which is not of this hub`,
      )
    if (isFinal(record.state)) return false
    const { topicPrefix: prefix, deviceIdMaxLength } = context
    const topic = topicOf(type, record.deviceId, 'cmd', { prefix, deviceIdMaxLength })
    const change = { to: 'cancelled', from: UNFINISHED, reason } as const
    const { status } = await context.record(decidedMessage(type, record, change, clock.now(), topic))
    return status === 'stored'
  }

  const send: CommandsApi['send'] = async (type, deviceId, name, ...[payload, given = {}]) => {
    assertType('commands.send', type)
    const settings = sendSettings(accept('commands.send', 'options', SEND_OPTIONS, given), type)
    const command = {
      command: name,
      payload: preparePayload(type, name, payload, context.maxPayload),
      batch: null,
    }
    const { tracked } = await sendOne(type, deviceId, command, settings)
    return handleOf(type, tracked) as CommandHandle<never>
  }

  const sendMany: CommandsApi['sendMany'] = async (type, target, name, ...[payload, given = {}]) => {
    assertType('commands.sendMany', type)
    const how = accept('commands.sendMany', 'options', BULK, given) as InMilliseconds<BulkOptions<never>>
    const whom = accept('commands.sendMany', 'target', TARGET, target)
    const settings = sendSettings(how, type)
    const batch = randomIds.next()
    const command = { command: name, payload: preparePayload(type, name, payload, context.maxPayload), batch }
    const ids = bulkDeviceIds('commands.sendMany', context, type, whom)

    async function one(deviceId: string): Promise<BulkOutcome<never>> {
      const outcome = { deviceId, id: null, result: null, error: null }
      try {
        const { tracked, waits } = await sendOne(type, deviceId, command, settings)
        if (waits) return { ...outcome, id: tracked.id, state: 'waiting' }
        const record = await tracker.wait(tracked)
        const state = record.state as Exclude<CommandState, 'queued' | 'sent' | 'accepted'>
        return state === 'succeeded'
          ? { ...outcome, id: tracked.id, state, result: typedResult(type, record) as never }
          : { ...outcome, id: tracked.id, state, error: commandError(record) }
      } catch (error) {
        if (!isOfDevice(error)) throw error
        return { ...outcome, state: 'refused', error }
      }
    }
    return runBulk(ids, batch, how, one)
  }

  return {
    send,
    sendMany,
    async get(id) {
      const [record] = await storage.commands.find([accept('commands.get', 'id', ID, id)])
      return record === undefined ? null : toCommandInfo(record)
    },
    async list(query = {}) {
      const {
        type,
        state,
        limit = PAGE_LIMIT,
        cursor,
        deviceId,
        command,
        batch,
      } = accept('commands.list', 'query', QUERY, query, 'invalid_query')
      if (type !== undefined) assertType('commands.list', type)
      const filter: CommandFilter = {
        ...(type && { typeKey: type.key }),
        ...(state !== undefined && { states: typeof state === 'string' ? [state] : state }),
        ...(deviceId !== undefined && { deviceId }),
        ...(command !== undefined && { command }),
        ...(batch !== undefined && { batch }),
      }
      const page = await storage.commands.list(filter, { limit, cursor })
      return { items: page.items.map(toCommandInfo), cursor: page.cursor }
    },
    async wait(given, options = {}) {
      const id = accept('commands.wait', 'id', ID, given)
      const record = await known(id)
      if (isFinal(record.state)) return toCommandInfo(record)
      const tracked = tracker.get(id) ?? tracker.add(record)
      const ended = await waitForEnd(tracker, tracked, 'commands.wait', options)
      // Its device may be another's by now.
      return toCommandInfo(scope ? await known(id) : ended)
    },
    cancel: async (id, reason) => cancel('commands.cancel', accept('commands.cancel', 'id', ID, id), reason),
  }
}
