import { type AnyDeviceType, DeviceHubError, type InboundMessage, silentLogger } from '@devicehub/core'
import type { LeaseStore } from '@devicehub/core/storage'
import {
  type AttachedHandler,
  noMetrics,
  type Refusal,
  systemClock,
  type Transport,
} from '@devicehub/core/transport'
import { type HeldIngest, holdIngest } from '@devicehub/test-kit'
import type { ListenerHub } from '../settings/listener-hub.js'
import { Station } from './station.js'

export interface LogLine {
  readonly level: string
  readonly fields: object
  readonly message: string | undefined
}

/** A hub whose storage the test plays: nothing is settled until it says so. */
export interface HeldHub extends ListenerHub {
  readonly held: HeldIngest
  readonly quarantined: readonly { message: InboundMessage; refusal: Refusal; handler: string }[]
  readonly handlers: readonly AttachedHandler[]
  /** While true, `quarantine` rejects. */
  storageAway: boolean
  readonly attached: readonly Transport[]
  readonly log: readonly LogLine[]
}

interface HeldHubOptions {
  readonly types?: readonly AnyDeviceType[]
  /** Where slots are leased. */
  readonly leases?: LeaseStore
}

export function createHeldHub({ types = [Station], leases }: HeldHubOptions = {}): HeldHub {
  const held = holdIngest()
  const quarantined: { message: InboundMessage; refusal: Refusal; handler: string }[] = []
  const handlers: AttachedHandler[] = []
  const attached: Transport[] = []
  const log: LogLine[] = []
  const write = (level: string) => (fields: object, message?: string) =>
    void log.push({ level, fields, message })
  const hub: HeldHub = {
    types,
    ...(leases && { storage: { leases } }),
    topicPrefix: 'things',
    ingest: held.ingest,
    held,
    quarantined,
    storageAway: false,
    attached,
    log,
    handlers,
    attachHandler(handler) {
      handlers.push(handler)
      return () => void handlers.splice(handlers.indexOf(handler), 1)
    },
    async quarantine(message, refusal, handler) {
      if (hub.storageAway) throw new DeviceHubError('storage_unavailable', 'the storage is away')
      quarantined.push({ message, refusal, handler })
    },
    attach(transport) {
      attached.push(transport)
      return () => void attached.splice(attached.indexOf(transport), 1)
    },
    logger: { ...silentLogger, info: write('info'), warn: write('warn'), error: write('error') },
    metrics: noMetrics,
    clock: systemClock,
  }
  return hub
}
