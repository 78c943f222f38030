import type { SignalName } from '@devicehub/core'
import type { HandlerStats } from '@devicehub/core/transport'
import type { Subscription } from './subscription.js'

/** Figures of `signals.stats()`. */
export interface SignalsStats {
  /** Events emitted, by signal, whether anybody listened or not. */
  readonly emitted: Readonly<Record<SignalName, number>>
  /** Calls of handlers that threw, rejected or took too long, since the start; handlers that are gone included. */
  readonly errors: number
  /** Events that a handler or an iterator missed because it was too slow, since the start. */
  readonly dropped: number
  /** Promises of handlers that have not settled, handlers that are gone included. */
  readonly pending: number
  /** Those subscribed now. */
  readonly handlers: readonly (HandlerStats & {
    readonly signal: SignalName
    /** Name of the device type it is limited to. */
    readonly type: string | null
    readonly label: string
  })[]
}

/** Counts of live subscriptions are read from them; those of ended ones are added up here. */
export function createSignalsStats(live: ReadonlySet<Subscription>) {
  const emitted: Record<SignalName, number> = {
    deviceDataReceived: 0,
    deviceStatusChanged: 0,
    deviceConnected: 0,
    deviceDisconnected: 0,
    deviceCommandSent: 0,
    deviceStateReported: 0,
    deviceStateDiverged: 0,
    deviceProvisioned: 0,
  }
  /** Ended, with calls still pending: their counts can yet change. */
  const finishing = new Set<Subscription>()
  let errors = 0
  let dropped = 0

  function settle(subscription: Subscription): void {
    const stats = subscription.stats()
    errors += stats.errors
    dropped += stats.dropped
  }

  return {
    countEmit(name: SignalName): void {
      emitted[name]++
    },
    countDrop(): void {
      dropped++
    },
    retire(subscription: Subscription): void {
      if (subscription.stats().pending === 0) {
        settle(subscription)
        return
      }
      finishing.add(subscription)
      void subscription.idle().then(() => {
        finishing.delete(subscription)
        settle(subscription)
      })
    },
    /** Resolves when no handler, present or gone, has a call pending. */
    idle: () => Promise.all([...live, ...finishing].map((each) => each.idle())),
    read(): SignalsStats {
      const handlers = [...live].map(({ name, type, label, stats }) => ({
        signal: name,
        type: type?.name ?? null,
        label,
        ...stats(),
      }))
      const sum = (field: keyof HandlerStats) =>
        [...handlers, ...[...finishing].map((each) => each.stats())].reduce(
          (total, each) => total + each[field],
          0,
        )
      return {
        emitted: { ...emitted },
        errors: errors + sum('errors'),
        dropped: dropped + sum('dropped'),
        pending: sum('pending'),
        handlers,
      }
    },
  }
}
