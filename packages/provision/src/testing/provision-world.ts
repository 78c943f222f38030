import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createDeviceHub,
  type DeviceHub,
  defineDeviceType,
  type Logger,
  type ProvisionedCredentials,
  reading,
  type SignalEvents,
  type SignalName,
  type StorageAdapter,
  state,
} from '@devicehub/core'
import { createProvisioner, type Provisioner } from '../create-provisioner.js'
import type { ProvisionerOptions } from '../provisioner-options.js'
import type { CredentialSink, SinkChange, SinkDevice } from '../sinks/credential-sink.js'

export const Station = defineDeviceType('weather_station', {
  readings: { temperature: reading.float() },
  state: {
    mode: state.enum(['continuous', 'burst'], { default: 'continuous' }),
    level: state.integer({ range: [0, 100] }),
    enabled: state.boolean(),
    installed_at: state.datetime(),
    place: state.json(),
  },
})
export const Meter = defineDeviceType('meter', { readings: { total: reading.integer() } })

export const SECRET = 'a secret of the tests, long enough to be one'

export interface ProvisionWorld extends AsyncDisposable {
  readonly hub: DeviceHub
  readonly provisioner: Provisioner
  readonly signals: { readonly name: SignalName; readonly event: SignalEvents[SignalName] }[]
  /** All that was logged, as JSON. */
  readonly log: string[]
  /** Moves the clock, milliseconds. */
  later(ms: number): void
}

export interface WorldOptions extends ProvisionerOptions {
  readonly storage?: StorageAdapter
  readonly secret?: string | readonly string[]
}

export function provisionWorld({ storage, secret = SECRET, ...options }: WorldOptions = {}): ProvisionWorld {
  let shift = 0
  const log: string[] = []
  const note = (fields: object, message?: string) => {
    const plain = Object.entries(fields).map(([name, value]) => [
      name,
      value instanceof Error ? `${value.message} ${value.stack}` : value,
    ])
    log.push(JSON.stringify({ message, ...Object.fromEntries(plain) }))
  }
  const logger: Logger = { debug: note, info: note, warn: note, error: note }
  const signals: { name: SignalName; event: SignalEvents[SignalName] }[] = []
  const hub = createDeviceHub({
    types: [Station, Meter],
    ...(storage === undefined ? {} : { storage }),
    credentials: { secret },
    clock: { now: () => Date.now() + shift },
    logger,
    signals: { emit: (name, event) => void signals.push({ name, event }), hasSubscribers: () => true },
  })
  const provisioner = createProvisioner(hub, options)
  return {
    hub,
    provisioner,
    signals,
    log,
    later: (ms) => {
      shift += ms
    },
    async [Symbol.asyncDispose]() {
      await provisioner.close()
      await hub.close()
    },
  }
}

/** What those who were told of provisioned devices can read. */
export const revealed = ({ signals }: Pick<ProvisionWorld, 'signals'>): readonly ProvisionedCredentials[] =>
  signals.flatMap(({ event }) => ('credentials' in event ? [event.credentials.reveal()] : []))

/** Keeps what it is told; fails while `broken`. */
export interface MemorySink extends CredentialSink {
  readonly changes: SinkChange[]
  readonly passwords: Map<string, string>
  broken: Error | null
  synced: SinkDevice[]
  closed: boolean
}

export function memorySink(name = 'memory'): MemorySink {
  let calls = 0
  const sink: MemorySink = {
    name,
    changes: [],
    passwords: new Map(),
    broken: null,
    synced: [],
    closed: false,
    async apply(changes) {
      // Each is quicker than the one before: what is not in turn overtakes.
      await new Promise((resolve) => setTimeout(resolve, Math.max(0, 30 - calls++)))
      if (sink.broken !== null) throw sink.broken
      sink.changes.push(...changes)
      for (const change of changes) {
        if (change.kind === 'set') sink.passwords.set(change.device.username, change.password)
        else sink.passwords.delete(change.username)
      }
    },
    async sync(devices) {
      sink.synced = []
      for await (const device of devices) sink.synced.push(device)
      return { sink: name, devices: sink.synced.length, repaired: [], removed: [], withoutPassword: [] }
    },
    async close() {
      sink.closed = true
    },
  }
  return sink
}

export async function temporaryFolder(): Promise<AsyncDisposable & { file(name: string): string }> {
  const folder = await mkdtemp(join(tmpdir(), 'devicehub-provision-'))
  return {
    file: (name) => join(folder, name),
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true }),
  }
}
