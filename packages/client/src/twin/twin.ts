import { type AnyDeviceType, type Codec, DeviceHubError } from '@devicehub/core/definition'
import { errorLine } from '@devicehub/core/transport'
import { isRecord } from '../is-record.js'
import type { BinaryForm } from '../plain-value.js'
import type { Publisher } from '../publisher.js'
import type { ReceivedMessage } from '../received-message.js'
import { type DesiredDocument, readDesired } from './desired-document.js'
import type { DesiredContext, ReportOptions, State } from './device-twin.js'
import { createReports } from './reports.js'
import { createStateFields, type FieldState, isSame } from './state-fields.js'

export type AnyDesiredHandler = (desired: never, context: DesiredContext<never>) => unknown

export interface TwinOptions {
  readonly type: AnyDeviceType | null
  readonly codec: Codec
  readonly binary: BinaryForm
  readonly publisher: Publisher
  /** Where reports go. */
  readonly topic: string
  readonly onError: (error: DeviceHubError) => void
}

/** What the hub wants the device to be set to, and what the device says it is. */
export interface Twin {
  onDesired(handler: AnyDesiredHandler): () => void
  report(patch: State, options?: ReportOptions): Promise<void>
  readonly desired: { readonly version: number; readonly state: State } | null
  readonly reported: State
  receive(message: ReceivedMessage): void
  /** There is a connection. */
  resume(): void
  pause(): void
  /** Hands over nothing more; resolves when no handler is running. */
  idle(): Promise<void>
  /** Resolves when the broker has confirmed all reports. */
  confirmed(): Promise<void>
}

export function createTwin(options: TwinOptions): Twin {
  const { type, codec, onError } = options
  const fields = createStateFields(type, options.binary)
  const reports = createReports({ ...options, fields })
  let handler: AnyDesiredHandler | null = null
  let desired: DesiredDocument | null = null
  /** The last one that was handed over. */
  let offered: DesiredDocument | null = null
  /** Its handler failed: it is handed over again when it comes again. */
  let failed: DesiredDocument | null = null
  let running: Promise<void> | null = null
  let closing = false

  function receive(message: ReceivedMessage): void {
    let document: DesiredDocument | null
    try {
      document = readDesired(message, codec, fields, onError)
    } catch (error) {
      onError(error as DeviceHubError)
      return
    }
    if (document === null) {
      desired = null
      offered = null
      reports.forgetVersion()
      return
    }
    // The retained message comes again with each connection.
    const known = desired?.version ?? Number.NEGATIVE_INFINITY
    if (document.version < known || (document.version === known && failed !== desired)) return
    desired = document
    offer()
  }

  /** One at a time; of those that arrive meanwhile the newest is next. */
  function offer(): void {
    if (running !== null || closing || handler === null || desired === null || desired === offered) return
    offered = desired
    running = apply(handler, desired).finally(() => {
      running = null
      offer()
    })
  }

  async function apply(handle: AnyDesiredHandler, document: DesiredDocument): Promise<void> {
    const { version } = document
    const delta = [...document.fields].filter(([name, field]) => !isSame(reports.reported.get(name), field))
    let applied: ReadonlyMap<string, FieldState>
    try {
      await null
      const result = await handle(valuesOf(document.fields) as never, {
        version,
        delta: valuesOf(delta) as never,
      })
      applied = result === undefined ? document.fields : check(result)
    } catch (cause) {
      failed = document
      const message = `the desired state (version ${version}) was not applied: its handler failed: ${errorLine(cause)}`
      return onError(new DeviceHubError('handler_failed', message, { details: { version }, cause }))
    }
    // Cleared meanwhile, and of the next one the versions may begin anew.
    const current = offered === document ? version : null
    reports.acknowledge(applied, current).catch((error: DeviceHubError) => {
      if (error.code !== 'closed') onError(error)
    })
  }

  /** What a handler returned. */
  function check(result: unknown): ReadonlyMap<string, FieldState> {
    if (!isRecord(result))
      throw new DeviceHubError('invalid_payload', 'it returns the state that it has applied, or nothing')
    const present = Object.entries(result).filter(([, value]) => value !== undefined)
    return new Map(present.map(([name, value]) => [name, fields.check(name, value)]))
  }

  return {
    onDesired(next) {
      const invalid = (message: string) => new DeviceHubError('invalid_options', message)
      if (typeof next !== 'function') throw invalid('the handler of the desired state is not a function')
      if (handler !== null) throw invalid('the desired state has a handler already; one applies it')
      handler = next
      offer()
      return () => {
        if (handler === next) handler = null
      }
    },
    report: reports.report,
    get desired() {
      return desired === null ? null : { version: desired.version, state: valuesOf(desired.fields) }
    },
    get reported() {
      return valuesOf(reports.reported)
    },
    receive,
    resume: reports.resume,
    pause: reports.pause,
    async idle() {
      closing = true
      await running
    },
    confirmed: reports.idle,
  }
}

const valuesOf = (fields: Iterable<readonly [string, FieldState]>): State =>
  Object.fromEntries([...fields].map(([name, { value }]) => [name, value]))
