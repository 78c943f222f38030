import { createHandlerRunner, type HandlerRunner } from '../handlers/handler-runner.js'
import { fromStored } from '../model/codec/stored-value.js'
import type { AnyDeviceType, AnyHooks, Device } from '../model/device-type/device-type.js'
import type { Field } from '../model/device-type/field.js'
import type { MessageRecord } from '../model/message.js'
import type { StoredValue } from '../model/values.js'
import type { CommandOutcome } from '../ports/commands.js'
import type { Logger } from '../ports/logger.js'
import type { Metrics } from '../ports/metrics.js'
import type { SignalName, SignalSink } from '../ports/signals.js'
import type { StatusTransition } from '../ports/storage.js'
import type { ReportOutcome } from '../ports/twins.js'
import { fromJson } from '../rules/command-info.js'
import { ID_REUSED, withFlag } from '../rules/record-outcome.js'
import { deltaOf } from '../rules/state-delta.js'
import type { DecidedMessage } from './decided-message.js'
import type { DeviceDirectory, KnownDevice } from './device-directory.js'
import { readingsOf } from './readings-of.js'
import { typedResult } from './typed-result.js'

/** Tells signals and hooks what was committed. It runs after the acknowledgement and never throws (invariant 6). */
export interface Announcer {
  /** Whether a subscriber or a hook is going to be told the ids of these messages. */
  wantsIds(decided: readonly DecidedMessage[]): boolean
  /** Whether anybody is told of the samples of a type. */
  hearsData(type: AnyDeviceType | null): boolean
  /** `rowOf`: the message's audit row. */
  data(decided: DecidedMessage, found: FoundOfSamples, rowOf: () => MessageRecord): void
  /** `reason`: why it is offline, when it is not the device that said so. */
  transition(transition: StatusTransition, known: KnownDevice, reason?: string): void
  /** A command was published for the first time, or the device said something new of it. */
  command(decided: DecidedMessage, outcome: CommandOutcome): void
  /** The device reported state that was not known. */
  report(decided: DecidedMessage, outcome: ReportOutcome, rowOf: () => MessageRecord): void
}

/** What the commit found of a message's samples, by their indexes. */
export interface FoundOfSamples {
  readonly duplicates: readonly number[] | undefined
  readonly reused: readonly number[] | undefined
}

export interface AnnouncerOptions {
  readonly directory: DeviceDirectory
  readonly signals: SignalSink
  readonly logger: Logger
  readonly metrics: Metrics
}

export function createAnnouncer(options: AnnouncerOptions): Announcer {
  const { directory, signals } = options
  const runners = new Map<string, HandlerRunner>()

  /** Each hook of each type has a runner of its own: one that hangs fills its own bound only. */
  function runHook(type: AnyDeviceType, hook: keyof AnyHooks, run: () => unknown): void {
    const name = `${type.key}.${hook}`
    let runner = runners.get(name)
    if (runner === undefined) {
      runner = createHandlerRunner({ name, logger: options.logger, metrics: options.metrics })
      runners.set(name, runner)
    }
    runner.run(run)
  }

  const wantsIds = (decided: readonly DecidedMessage[]): boolean =>
    WITH_MESSAGE.some((name) => signals.hasSubscribers(name)) ||
    decided.some(({ taken: { type } }) => type?.hooks.onData !== undefined)

  const hearsData = (type: AnyDeviceType | null): boolean =>
    type !== null && (type.hooks.onData !== undefined || signals.hasSubscribers('deviceDataReceived'))

  function data(
    { taken, known }: DecidedMessage,
    { duplicates, reused }: FoundOfSamples,
    rowOf: () => MessageRecord,
  ): void {
    const { type, content } = taken
    if (type === null || known === null) return
    const { hooks } = type
    const wanted = signals.hasSubscribers('deviceDataReceived')
    if (!wanted && hooks.onData === undefined) return
    const device = directory.deviceOf(type, known)
    const message = rowOf()
    const [skipped, again] = [new Set(duplicates), new Set(reused)]
    content.samples.forEach((sample, index) => {
      if (skipped.has(index)) return
      const flags = again.has(index) ? withFlag(sample.flags, ID_REUSED) : sample.flags
      const event = {
        type,
        device,
        readings: readingsOf(type, sample),
        measuredAt: new Date(sample.timestamp),
        flags: flags === null ? [] : flags.split(' '),
        message,
      }
      if (wanted) signals.emit('deviceDataReceived', event)
      if (hooks.onData !== undefined) runHook(type, 'onData', () => hooks.onData?.(event))
    })
  }

  function transition(
    { type, from, to }: StatusTransition,
    known: KnownDevice,
    reason = 'the device or its will reported offline',
  ): void {
    const device: Device = { ...directory.deviceOf(type, known), status: to }
    const { hooks } = type
    signals.emit('deviceStatusChanged', { type, device, oldStatus: from, newStatus: to })
    if (hooks.onStatusChange)
      runHook(type, 'onStatusChange', () =>
        hooks.onStatusChange?.({ device, oldStatus: from, newStatus: to }),
      )
    if (to === 'offline') {
      signals.emit('deviceDisconnected', { type, device, reason })
      if (hooks.onDisconnect) runHook(type, 'onDisconnect', () => hooks.onDisconnect?.({ device, reason }))
    } else if (from === 'offline' || from === 'provisioning') {
      signals.emit('deviceConnected', { type, device })
      if (hooks.onConnect) runHook(type, 'onConnect', () => hooks.onConnect?.({ device }))
    }
  }

  function command({ taken, known }: DecidedMessage, { applied, record }: CommandOutcome): void {
    const { type, direction, content } = taken
    if (!applied || record === null || type === null || !known?.record) return
    const { id, command: name, payload } = record
    const device = directory.deviceOf(type, known)
    if (direction === 'out' && record.attempts === 1)
      signals.emit('deviceCommandSent', { type, device, command: name, payload: fromJson(payload), id })
    if (content.reply === undefined || type.hooks.onCommandResponse === undefined) return
    const result = record.state === 'succeeded' ? typedResult(type, record) : null
    runHook(type, 'onCommandResponse', () =>
      type.hooks.onCommandResponse?.({
        device,
        command: name,
        id,
        status: record.state,
        result,
        error: record.reason,
      }),
    )
  }

  function report(
    { taken, known }: DecidedMessage,
    { applied, record }: ReportOutcome,
    rowOf: () => MessageRecord,
  ): void {
    const { type, content } = taken
    const { report: reported } = content
    if (type === null || !known?.record || reported === undefined) return
    if (applied.length === 0 && reported.version === null) return
    directory.settle(type, known, { state: record.state })
    const device = directory.deviceOf(type, known)
    const { version, reportedVersion } = record
    const values = Object.fromEntries(applied.map((name) => [name, reported.values[name] ?? null]))
    const measuredAt = new Date(reported.claimedAt ?? taken.receivedAt)
    const base = { type, device, version, reportedVersion, measuredAt, message: rowOf() }
    signals.emit('deviceStateReported', { ...base, reported: visible(type, values) })
    // As long as the device has not seen the newest version, that it differs says nothing.
    if (reported.version !== null && reported.version < version) return
    const delta = deltaOf(type, record)
    if (Object.keys(delta).length > 0)
      signals.emit('deviceStateDiverged', { ...base, delta: visible(type, delta) })
  }

  return { wantsIds, hearsData, data, transition, command, report }
}

/** The signals that show the audit row. */
const WITH_MESSAGE: readonly SignalName[] = [
  'deviceDataReceived',
  'deviceStateReported',
  'deviceStateDiverged',
]

/** Stored values as callers see them. */
const visible = (type: AnyDeviceType, values: Readonly<Record<string, StoredValue>>) =>
  Object.fromEntries(
    Object.entries(values).map(([name, value]) => [name, fromStored(type.state[name] as Field, value)]),
  )
