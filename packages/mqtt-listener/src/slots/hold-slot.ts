import type { LeaseStore } from '@devicehub/core/storage'
import type { HeldLease } from '@devicehub/core/transport'
import { sleep, unlessAborted } from '@devicehub-internal/async'
import type { BrokerContext } from '../client/broker-context.js'
import {
  type ClientSessions,
  createClientSessions,
  type RegisteredHandler,
} from '../client/client-sessions.js'
import { asError } from '../connection/connection-error.js'
import { createSlotLease } from '../session/slot-lease.js'
import type { SlotSettings } from '../settings/slot-settings.js'
import { adoptFreeSlots } from './adopt-free-slots.js'
import { mayEndSession } from './last-session.js'
import { type SlotNote, slotClientId } from './slot-leases.js'

export interface HoldSlotOptions {
  readonly context: BrokerContext
  readonly slots: SlotSettings
  readonly leases: LeaseStore
  readonly handlers: () => readonly RegisteredHandler[]
  readonly holder: string
  readonly slot: number
  readonly lease: HeldLease
  /** Aborted when the listener stops. */
  readonly stopping: AbortSignal
  /** Asked when it stops: whether the session is to be ended. */
  readonly isLeaving: () => boolean
  /** The slot is held, and its sessions start. */
  readonly onHeld: (clients: ClientSessions) => void
  /** Connected and subscribed, and the lease says so. */
  readonly onReady: () => void
  /** No attempt to connect can succeed. */
  readonly onRefused: (error: Error) => void
  readonly onStorageError: (error: Error) => void
  /** Stopped, but the sessions could not be left in order. */
  readonly onStopError: (error: Error) => void
}

/** `stopped`: the listener stops. `lost`: the lease is lost. `unreachable`: given back, the broker cannot be reached. */
export type SlotEnd = 'stopped' | 'lost' | 'unreachable'

/** Runs the sessions of a slot's client id as long as this process holds the slot's lease. */
export async function holdSlot(options: HoldSlotOptions): Promise<SlotEnd> {
  const { context, slots, leases, handlers, holder, slot, lease, stopping } = options
  const { counters, settings, hub } = context
  const { logger } = hub
  const { group, ttl } = slots
  const fields = { broker: settings.name, group, slot }
  /** Milliseconds without a connection after which another process may have the slot. */
  const unreachableLimit = Math.max(2 * ttl, settings.connectTimeout)

  // Read after the claim: the earlier holder may have written its note just before.
  const [before] = await leases.find([lease.name])
  if (stopping.aborted) return 'stopped'
  if (!(await lease.note('unsure'))) return 'lost'
  if ((before?.note ?? null) !== null) counters.slotsTaken++
  let note: SlotNote = 'unsure'
  let unreachable = false
  const slotLease = createSlotLease(lease)
  const clients = createClientSessions({
    context,
    clientId: slotClientId(slots, slot),
    handlers,
    slotLease,
    resumes: before?.note === 'open',
  })
  const devices = () => clients.sessions[0]
  const isConnected = () => devices()?.state === 'connected'
  options.onHeld(clients)
  logger.info({ ...fields, epoch: lease.fence.epoch }, `holds slot ${slot} of group ${group}`)
  clients.start()

  /** Aborted when the slot's lease ends or the listener stops. */
  const ending = createSlotLease(lease, slotLease.ended, stopping).ended
  await Promise.all([
    noteOpen(),
    adoptFreeSlots({
      context,
      slots,
      leases,
      ownSlot: slot,
      holder: `${holder}-adopts`,
      isConnected: () => note === 'open' && isConnected(),
      handlerSpecs: () => handlers().map(({ spec }) => spec),
      stopping: ending,
    }),
    watchBroker(),
  ])
  if (!slotLease.ended.aborted) await stopSessions()
  const end = howItEnded()
  // Nothing is left to settle. Calls of topic handlers that still run are aborted.
  await clients.stop(false)
  return end

  /** Writes to the lease that the session is subscribed, once it is. */
  async function noteOpen(): Promise<void> {
    const ready = clients.ready().catch(async (error) => {
      options.onRefused(asError(error))
      // No attempt should succeed. But the broker's administrator may correct the cause.
      while (!ending.aborted && !isConnected()) await sleep(ttl / 4, ending)
    })
    await unlessAborted(ending, ready, () => {})
    while (!ending.aborted) {
      try {
        if (!(await lease.note('open'))) return
        note = 'open'
        return options.onReady()
      } catch (error) {
        options.onStorageError(asError(error))
        await sleep(ttl / 12, ending)
      }
    }
  }

  /** Ends the lease when the broker could not be reached for too long. */
  async function watchBroker(): Promise<void> {
    let reachedAt = performance.now()
    while (!ending.aborted) {
      if (devices()?.isAccepted) reachedAt = performance.now()
      else if (slotLease.valid && performance.now() - reachedAt > unreachableLimit) {
        unreachable = true
        slotLease.end()
      }
      await sleep(ttl / 10, ending)
    }
  }

  async function stopSessions(): Promise<void> {
    try {
      const leaves = options.isLeaving() && (await mayEndOwnSession())
      await clients.stop(leaves)
      if (leaves) await lease.note(null)
    } catch (error) {
      options.onStopError(asError(error))
    }
  }

  async function mayEndOwnSession(): Promise<boolean> {
    try {
      if (await mayEndSession({ leases, slots, slot, lease, note, holder, logger })) return true
      logger.info(
        fields,
        `slot ${slot} has the last session of group ${group}. It is kept: without a session, messages sent meanwhile would be lost`,
      )
    } catch (error) {
      logger.warn(
        { ...fields, err: error },
        `cannot ask the database whether slot ${slot} has the last session of group ${group}. The session is kept`,
      )
    }
    return false
  }

  function howItEnded(): SlotEnd {
    if (unreachable) {
      logger.warn(
        fields,
        `gives slot ${slot} of group ${group} back, so that another process can use it: this process cannot reach the broker`,
      )
      return 'unreachable'
    }
    if (!slotLease.ended.aborted) return 'stopped'
    counters.slotsLost++
    logger.warn(
      fields,
      `lost slot ${slot} of group ${group}: the lease was not renewed in time, or another process took it over. This process closes the connections of the slot and claims a slot again`,
    )
    return 'lost'
  }
}
