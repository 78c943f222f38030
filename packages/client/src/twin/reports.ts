import { type AnyDeviceType, type Codec, DeviceHubError, isDeviceHubError } from '@devicehub/core/definition'
import { encodeWith } from '@devicehub/core/transport'
import { unlessAborted } from '@devicehub-internal/async'
import { acceptPatch, acceptReport } from '../option-rules.js'
import type { Publisher } from '../publisher.js'
import type { ReportOptions } from './device-twin.js'
import { type FieldState, isSame, type StateFields } from './state-fields.js'

export interface ReportsOptions {
  readonly type: AnyDeviceType | null
  readonly codec: Codec
  readonly publisher: Publisher
  readonly topic: string
  readonly fields: StateFields
}

/** What the device has reported of its state in this process. One report is on its way at a time, so that none overtakes another. */
export interface Reports {
  readonly reported: ReadonlyMap<string, FieldState>
  /** Checks and merges; resolves when the broker has confirmed a report that includes it. */
  report(patch: Readonly<Record<string, unknown>>, options?: ReportOptions): Promise<void>
  /** After a desired version was applied: merges, and reports these fields, old or new, with the version. */
  acknowledge(fields: ReadonlyMap<string, FieldState>, version: number | null): Promise<void>
  /** The device is another one for the hub, of which no version was applied. */
  forgetVersion(): void
  /** There is a connection: the whole document goes out. */
  resume(): void
  pause(): void
  /** Resolves when none waits or is on its way. */
  idle(): Promise<void>
}

/** What goes out in one message. */
interface Batch {
  readonly fields: Map<string, FieldState>
  readonly timestamp: string | undefined
  readonly waiters: { readonly resolve: () => void; readonly reject: (error: unknown) => void }[]
}

/** Reports with a time of their own cannot be put together; more than these do not wait. */
const MAX_QUEUED = 1000

export function createReports(options: ReportsOptions): Reports {
  const { codec, publisher, topic } = options
  const timeField = options.type?.options.timestampField ?? 'timestamp'
  const reported = new Map<string, FieldState>()
  /** Values that are confirmed or on their way. */
  const handed = new Map<string, FieldState>()
  let queue: Batch[] = []
  let sending: Batch | null = null
  let version: number | null = null
  let up = false

  function add(fields: ReadonlyMap<string, FieldState>, timestamp?: string): Promise<void> {
    const last = queue.at(-1)
    const joins = last !== undefined && (!up || (timestamp === undefined && last.timestamp === undefined))
    const batch: Batch = joins
      ? last
      : { fields: new Map(), timestamp: up ? timestamp : undefined, waiters: [] }
    if (!joins) queue.push(batch)
    for (const [name, field] of fields) {
      batch.fields.set(name, field)
      handed.set(name, field)
    }
    const confirmed = included(batch)
    void pump()
    return confirmed
  }

  const included = ({ waiters }: Batch) =>
    new Promise<void>((resolve, reject) => waiters.push({ resolve, reject }))

  async function pump(): Promise<void> {
    while (up && sending === null) {
      const batch = queue.shift()
      if (batch === undefined) return
      sending = batch
      const failure = await send(batch)
      // First, since nobody may begin to wait for it any more.
      sending = null
      for (const { resolve, reject } of batch.waiters) {
        if (failure === null) resolve()
        else reject(failure.error)
      }
    }
  }

  async function send({ fields, timestamp }: Batch): Promise<{ readonly error: unknown } | null> {
    const payload = {
      reported: Object.fromEntries([...fields].map(([name, { wire }]) => [name, wire])),
      ...(version === null ? {} : { version }),
      ...(timestamp === undefined || timeField === false ? {} : { [timeField]: timestamp }),
    }
    try {
      await pushWhenRoom(encodeWith(codec, payload, { channel: 'state' }))
      return null
    } catch (error) {
      // It goes with the next report, or the next connection.
      for (const [name, field] of fields) if (handed.get(name) === field) handed.delete(name)
      return { error }
    }
  }

  /** A full queue passes, and what the hub waits for is not given up for it. */
  async function pushWhenRoom(payload: Uint8Array): Promise<void> {
    for (;;) {
      try {
        return await publisher.push(topic, payload)
      } catch (error) {
        if (!isDeviceHubError(error, 'queue_full')) throw error
        await publisher.room()
      }
    }
  }

  function merge(fields: ReadonlyMap<string, FieldState>): void {
    for (const [name, field] of fields) reported.set(name, field)
  }

  return {
    reported,
    async report(patch, given = {}) {
      const { timestamp, signal } = acceptReport(given)
      signal?.throwIfAborted()
      const fields = new Map<string, FieldState>()
      for (const [name, value] of Object.entries(acceptPatch(patch)))
        if (value !== undefined) fields.set(name, options.fields.check(name, value))
      const time = timestamp === undefined ? undefined : new Date(timestamp).toISOString()
      if (queue.length >= MAX_QUEUED) throw tooMany()
      merge(fields)
      const changed = new Map([...reported].filter(([name, field]) => !isSame(handed.get(name), field)))
      if (changed.size > 0) return unlessAborted(signal, add(changed, time))
      // The same was reported a moment ago.
      const last = queue.at(-1) ?? sending
      if (last !== null) await unlessAborted(signal, included(last))
    },
    acknowledge(fields, applied) {
      merge(fields)
      if (applied !== null) version = Math.max(version ?? 0, applied)
      return add(fields)
    },
    forgetVersion() {
      version = null
    },
    resume() {
      up = true
      const waiters = queue.flatMap((batch) => batch.waiters)
      const nothing = reported.size === 0 && version === null
      queue = nothing ? [] : [{ fields: new Map(reported), timestamp: undefined, waiters }]
      for (const [name, field] of reported) handed.set(name, field)
      void pump()
    },
    pause() {
      up = false
    },
    async idle() {
      for (;;) {
        const last = queue.at(-1) ?? sending
        if (last === null) return
        await included(last).catch(() => {})
      }
    },
  }
}

const tooMany = () =>
  new DeviceHubError('queue_full', `${MAX_QUEUED} reports wait already: await report() before the next`)
