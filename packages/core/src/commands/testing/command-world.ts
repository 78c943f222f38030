import { onTestFinished } from 'vitest'
import { z } from 'zod'
import {
  command,
  createDeviceHub,
  type DeviceHub,
  DeviceHubError,
  type DeviceHubOptions,
  defineDeviceType,
  type IngestOutcome,
  memoryStorage,
  reading,
  type StorageAdapter,
  silentLogger,
  state,
} from '../../index.js'
import type { OutboundMessage, SignalSink } from '../../transport.js'

export interface Heard {
  readonly command: string
  readonly status: string
  readonly result: unknown
  readonly error: string | null
}

/** What `onCommandResponse` was called with, of all hubs of the running test. */
export const heard: Heard[] = []

export const Station = defineDeviceType('station', {
  readings: { level: reading.float() },
  commands: {
    reboot: command(),
    set_interval: command({
      payload: z.object({ interval: z.int().positive(), unit: z.string().default('s') }),
      result: z.object({ previous: z.int(), at: z.iso.datetime().transform((text) => new Date(text)) }),
    }),
  },
  state: {
    mode: state.enum(['continuous', 'burst'], { default: 'continuous' }),
    interval: state.integer({ range: [1, 3600] }),
    since: state.datetime(),
    key: state.binary(),
  },
  hooks: {
    onCommandResponse({ command: name, status, result, error }) {
      heard.push({ command: name, status, result, error })
    },
  },
})

export interface Announced {
  readonly name: string
  readonly event: Readonly<Record<string, unknown>>
}

export interface World {
  readonly hub: DeviceHub
  /** What went to the broker, in order. */
  readonly published: OutboundMessage[]
  readonly announced: Announced[]
  /** What the transport does with a publication; throws like a transport. */
  onPublish: (message: OutboundMessage) => void | Promise<void>
}

/** A hub with a transport that takes everything, looks often, and forgets devices quickly. Closed after the test. */
export function world(
  storage: StorageAdapter = memoryStorage(),
  options: Partial<DeviceHubOptions<SignalSink>> & { readonly attached?: boolean } = {},
): World {
  const announced: Announced[] = []
  const { attached = true, ...rest } = options
  const hub = createDeviceHub({
    types: [Station],
    storage,
    logger: silentLogger,
    unknownDevice: 'register',
    commands: { lookEvery: 0.02 },
    deviceCache: { refreshAfter: 0.01 },
    signals: {
      hasSubscribers: () => true,
      emit: (name, event) => void announced.push({ name, event: event as unknown as Announced['event'] }),
    },
    ...rest,
  })
  const made: World = { hub, published: [], announced, onPublish: () => {} }
  if (attached)
    hub.attach({
      name: 'default',
      start: async () => {},
      stop: async () => {},
      async publish(message) {
        await made.onPublish(message)
        made.published.push(message)
      },
    })
  onTestFinished(async () => {
    await hub.close({ timeout: '1s' })
    heard.length = 0
  })
  return made
}

export async function send(
  { hub }: Pick<World, 'hub'>,
  deviceId: string,
  channel: 'data' | 'status' | 'response' | 'state',
  value: unknown,
  more: { readonly correlationId?: string } = {},
): Promise<IngestOutcome> {
  const payload = Buffer.from(typeof value === 'string' ? value : JSON.stringify(value))
  const [outcome] = await hub.ingest([
    { topic: `things/station/${deviceId}/${channel}`, payload, source: 'test', qos: 1, ...more },
  ])
  if (outcome === undefined) throw new Error('no outcome')
  return outcome
}

export const online = (of: Pick<World, 'hub'>, deviceId: string) =>
  send(of, deviceId, 'status', { status: 'online' })

export const contentOf = ({ payload }: OutboundMessage): Record<string, unknown> =>
  JSON.parse(Buffer.from(payload as Uint8Array).toString())

export const away = () => {
  throw new DeviceHubError('transport_unavailable', 'the broker is away')
}

/** Waits for a condition, for as long as a slow machine may take. */
export async function until(what: string, isSo: () => boolean | Promise<boolean>): Promise<void> {
  const giveUp = Date.now() + 60_000
  while (!(await isSo())) {
    if (Date.now() > giveUp) throw new Error(`waited in vain for ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
