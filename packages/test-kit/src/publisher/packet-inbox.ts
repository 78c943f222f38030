import type { Duration } from '@devicehub/core'
import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import type { Packet } from 'mqtt-packet'
import { timeLimit } from '../option-rules.js'

/** The packet type of a command: `PacketOf<'publish'>`. */
export type PacketOf<Cmd extends Packet['cmd']> = Extract<Packet, { cmd: Cmd }>

/** Options of `next`. */
export interface NextOptions<Wanted extends Packet = Packet> {
  /** Takes only a packet for which this returns true. Default: any of the kind. */
  readonly where?: (packet: Wanted) => boolean
  /** How long to wait. Default 1 min. */
  readonly timeout?: Duration
}

const NEXT_OPTIONS = check.options<check.InMilliseconds<NextOptions>>({
  where: check.optional(check.callback<NonNullable<NextOptions['where']>>()),
  timeout: timeLimit,
})

/** The packets that one side of a connection has received. */
export interface PacketInbox {
  /** Every packet so far, in the order received. */
  readonly received: readonly Packet[]
  /**
   * The first packet of this kind that no earlier `next` has returned; waits for one if there is none. Rejects with
   * `closed` when the connection ends first, with `transport_unavailable` after `timeout`.
   */
  next<Cmd extends Packet['cmd']>(cmd: Cmd, options?: NextOptions<PacketOf<Cmd>>): Promise<PacketOf<Cmd>>
}

interface Waiter {
  wants(packet: Packet): boolean
  take(packet: Packet): void
  fail(error: Error): void
}

export interface PacketInboxWriter extends PacketInbox {
  add(packet: Packet): void
  close(reason: string): void
}

export function createPacketInbox(): PacketInboxWriter {
  const received: Packet[] = []
  let unseen: Packet[] = []
  const waiters = new Set<Waiter>()
  let closed: Error | undefined

  return {
    received,
    add(packet) {
      received.push(packet)
      for (const waiter of waiters) {
        if (!waiter.wants(packet)) continue
        waiters.delete(waiter)
        waiter.take(packet)
        return
      }
      unseen.push(packet)
    },
    close(reason) {
      closed ??= new DeviceHubError('closed', `the connection ended: ${reason}`)
      for (const waiter of waiters) waiter.fail(closed)
      waiters.clear()
    },
    next<Cmd extends Packet['cmd']>(cmd: Cmd, given: NextOptions<PacketOf<Cmd>> = {}) {
      const { where, timeout: timeoutMs = 60_000 } = check.accept(
        'client.next',
        'options',
        NEXT_OPTIONS,
        given,
      )
      const wants = (packet: Packet): packet is PacketOf<Cmd> =>
        packet.cmd === cmd && (where?.(packet) ?? true)
      const found = unseen.find(wants)
      if (found !== undefined) {
        unseen = unseen.filter((packet) => packet !== found)
        return Promise.resolve(found)
      }
      if (closed) return Promise.reject(closed)
      return new Promise<PacketOf<Cmd>>((resolve, reject) => {
        const timer = setTimeout(() => {
          waiters.delete(waiter)
          const message = `no ${cmd} packet within ${timeoutMs / 1000} s; received ${received.map((p) => p.cmd).slice(-20)}`
          reject(new DeviceHubError('transport_unavailable', message))
        }, timeoutMs)
        const waiter: Waiter = {
          wants,
          take(packet) {
            clearTimeout(timer)
            resolve(packet as PacketOf<Cmd>)
          },
          fail(error) {
            clearTimeout(timer)
            reject(error)
          },
        }
        waiters.add(waiter)
      })
    },
  }
}
