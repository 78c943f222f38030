import { resolve } from 'node:path'
import type { InMilliseconds } from '@devicehub/core/check'
import { DeviceHubError } from '@devicehub/core/definition'
import type { DeviceClientOptions, OutboxFolder } from './device-client-options.js'
import { acceptClient } from './option-rules.js'

/** Options with every default filled in: what MQTT counts in seconds is a number of them, the rest is in milliseconds; `clientId` has none, since it depends on the type. */
export type ResolvedOptions = Omit<InMilliseconds<DeviceClientOptions>, 'outbox'> &
  typeof DEFAULTS & {
    readonly outbox:
      | 'memory'
      | { readonly [Name in keyof OutboxFolder]-?: Exclude<OutboxFolder[Name], undefined> }
  }

const DEFAULTS = {
  protocolVersion: 5 as 4 | 5,
  topicPrefix: 'things',
  keepAlive: 60,
  connectTimeout: 30_000,
  sessionExpiry: 3600,
  willDelay: 0,
  maxQueued: 10_000,
  maxQueuedBytes: 16 << 20,
  maxInFlight: 100,
  maxAttempts: 10,
  ackTimeout: 60_000,
  maxBatchSamples: 500,
  maxBatchBytes: 128 << 10,
  maxPendingCommands: 100,
  rememberedCommands: 1000,
}

const PROTOCOLS = ['mqtt:', 'mqtts:', 'ws:', 'wss:']
const SECURE = ['mqtts:', 'wss:']

/** Checked and complete. `invalid_options` names the key and what is expected. */
export function resolveOptions(given: DeviceClientOptions): ResolvedOptions {
  const options = acceptClient(given)
  const resolved = { ...DEFAULTS, ...options, outbox: resolveOutbox(options.outbox) } as ResolvedOptions
  const { protocol } = parseUrl(resolved.url)
  if (resolved.tls !== undefined && !SECURE.includes(protocol))
    throw invalid(`tls is given, but ${protocol}// is not encrypted: use mqtts:// or wss://`)
  return resolved
}

function resolveOutbox(outbox: DeviceClientOptions['outbox']): ResolvedOptions['outbox'] {
  if (outbox === undefined || outbox === 'memory') return 'memory'
  const { folder, maxBytes = 64 << 20, drop = 'oldest' } = outbox
  // Relative to where the process was when the client was made, wherever it goes later.
  return { folder: resolve(folder), maxBytes, drop }
}

function parseUrl(url: string): URL {
  let parsed: URL
  try {
    parsed = new URL(url)
  } catch {
    // Not quoted: it may hold a password.
    throw invalid('url is not a URL like mqtts://broker.example.com:8883')
  }
  if (!PROTOCOLS.includes(parsed.protocol))
    throw invalid(`url begins with mqtt://, mqtts://, ws:// or wss://, not ${parsed.protocol}//`)
  if (parsed.username !== '' || parsed.password !== '')
    throw invalid('url carries a user name or password: give them as credentials, since URLs end up in logs')
  return parsed
}

const invalid = (message: string) => new DeviceHubError('invalid_options', message)
