import { DeviceHubError } from '@devicehub/core'
import type { Packet } from 'mqtt-packet'

export type PacketOf<Cmd extends Packet['cmd']> = Extract<Packet, { cmd: Cmd }>

/** What one side of a connection has received: everything in order, and a way to wait for the next of a kind. */
export interface PacketInbox {
  /** Every packet so far, in the order received. */
  readonly received: readonly Packet[]
  /**
   * The first packet of this kind that no earlier `next` has returned, waiting for it if need be. Rejects with
   * `closed` when the connection ends first, with `transport_unavailable` after `timeout` ms (default 60,000).
   */
  next<Cmd extends Packet['cmd']>(
    cmd: Cmd,
    options?: { readonly where?: (packet: PacketOf<Cmd>) => boolean; readonly timeout?: number },
  ): Promise<PacketOf<Cmd>>
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
    next<Cmd extends Packet['cmd']>(
      cmd: Cmd,
      options: { readonly where?: (packet: PacketOf<Cmd>) => boolean; readonly timeout?: number } = {},
    ) {
      const wants = (packet: Packet): packet is PacketOf<Cmd> =>
        packet.cmd === cmd && (options.where?.(packet as PacketOf<Cmd>) ?? true)
      const found = unseen.find(wants)
      if (found !== undefined) {
        unseen = unseen.filter((packet) => packet !== found)
        return Promise.resolve(found)
      }
      if (closed) return Promise.reject(closed)
      return new Promise<PacketOf<Cmd>>((resolve, reject) => {
        const timeout = options.timeout ?? 60_000
        const timer = setTimeout(() => {
          waiters.delete(waiter)
          const message = `no ${cmd} packet within ${timeout / 1000} s; received ${received.map((p) => p.cmd).slice(-20)}`
          reject(new DeviceHubError('transport_unavailable', message))
        }, timeout)
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
