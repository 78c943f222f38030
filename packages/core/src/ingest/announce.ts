import type { AnyDeviceType, AnyHooks } from '../device-type/device-type.js'
import type { Device } from '../hub/device.js'
import { createHandlerRunner, type HandlerRunner } from '../hub/handler-runner.js'
import type { Logger } from '../ports/logger.js'
import type { Metrics } from '../ports/metrics.js'
import type { SignalSink } from '../ports/signals.js'
import type { StatusTransition } from '../ports/storage.js'
import type { DeviceDirectory, KnownDevice } from './device-directory.js'
import type { PlannedMessage } from './planned-message.js'
import { readingsOf } from './readings-of.js'

/** Tells signals and hooks what was committed. It runs after the acknowledgement and never throws (invariant 6). */
export interface Announcer {
  /** `skip`: indexes of samples that were stored before. */
  data(planned: PlannedMessage, skip: readonly number[] | undefined): void
  /** `reason`: why it is offline, when it is not the device that said so. */
  transition(transition: StatusTransition, known: KnownDevice, reason?: string): void
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

  function data(planned: PlannedMessage, skip: readonly number[] | undefined): void {
    const { type, known, inbound } = planned
    if (type === null || known === null) return
    const { hooks } = type
    const wanted = signals.hasSubscribers('deviceDataReceived')
    if (!wanted && hooks.onData === undefined) return
    const device = directory.deviceOf(type, known)
    planned.samples.forEach((sample, index) => {
      if (skip?.includes(index)) return
      const event = {
        type,
        device,
        readings: readingsOf(type, sample),
        measuredAt: new Date(sample.timestamp),
        flags: sample.flags === null ? [] : sample.flags.split(' '),
        message: inbound,
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

  return { data, transition }
}
