import type { BrokerCounters } from '../reporting/counters.js'

const PUBACK = 0x40
const PUBREC = 0x50

const PENDING = 0
const SETTLED = 1
/** Settled, but no acknowledgement is written. */
const SUPPRESSED = 2

export interface AcknowledgerOptions {
  /** The largest number of unacknowledged messages. The caller makes sure that there are no more. */
  readonly window: number
  readonly write: (bytes: Buffer) => void
  /** Called when so many messages have left the window. */
  readonly onReleased: (count: number) => void
  readonly counters: BrokerCounters
}

/**
 * Writes the acknowledgements of one network connection. Messages are settled in any order and acknowledged in the order
 * received [MQTT-4.6.0-2, MQTT-4.6.0-3]; all acknowledgements that are ready go out in one write. Each connection has its
 * own: on the next one the same packet id may belong to another message.
 */
export interface Acknowledger {
  /**
   * Returns a ticket for `settle`. Null: the same message, sent again while the first copy is not settled. The first copy
   * will be acknowledged, and this one is dropped.
   */
  receive(packetId: number, qos: 1 | 2, dup: boolean): number | null
  settle(ticket: number): void
  /** Writes the acknowledgements that are ready at once, and not at the end of the event loop's turn. */
  flush(): void
  /** The connection has ended. Messages settled from now on count as `lateAcks`. */
  close(): void
  /** Messages received and not acknowledged. */
  readonly size: number
}

export function createAcknowledger(options: AcknowledgerOptions): Acknowledger {
  const { window, write, onReleased, counters } = options
  const capacity = 2 ** Math.ceil(Math.log2(Math.max(2, window)))
  const mask = capacity - 1
  const packetIds = new Uint16Array(capacity)
  const states = new Uint8Array(capacity)
  const commands = new Uint8Array(capacity)
  /** By packet id: the message's place in the ring buffer plus one; 0 for an id that is not in use. */
  const places = new Uint32Array(65536)
  let head = 0
  let tail = 0
  let scheduled = false
  let closed = false

  /** Otherwise the acknowledgement of the older message would acknowledge the newer one with the same packet id. */
  function suppress(place: number): void {
    states[place] = (states[place] as number) | SUPPRESSED
  }

  function flush(): void {
    scheduled = false
    if (closed) return
    let end = head
    while (end < tail && ((states[end & mask] as number) & SETTLED) !== 0) end++
    const released = end - head
    if (released === 0) return
    // Without reason code and properties it means success: four bytes in MQTT 5 and 3.1.1.
    const bytes = Buffer.allocUnsafe(released * 4)
    let length = 0
    for (; head < end; head++) {
      const place = head & mask
      const packetId = packetIds[place] as number
      if (places[packetId] === place + 1) places[packetId] = 0
      if (((states[place] as number) & SUPPRESSED) !== 0) continue
      bytes[length++] = commands[place] as number
      bytes[length++] = 2
      bytes[length++] = packetId >> 8
      bytes[length++] = packetId & 0xff
    }
    counters.acknowledged += length / 4
    if (length > 0) write(bytes.subarray(0, length))
    onReleased(released)
  }

  return {
    receive(packetId, qos, dup) {
      const held = places[packetId] as number
      if (held !== 0) {
        // The broker may not use the packet id of an unacknowledged message for another one [MQTT-2.2.1-4]. So with DUP
        // it is the same message. Without DUP the broker has given up the first one.
        if (dup) return null
        suppress(held - 1)
      }
      const place = tail & mask
      packetIds[place] = packetId
      states[place] = PENDING
      commands[place] = qos === 1 ? PUBACK : PUBREC
      places[packetId] = place + 1
      return tail++
    },
    settle(ticket) {
      if (closed) {
        counters.lateAcks++
        onReleased(1)
        return
      }
      const place = ticket & mask
      if (ticket < head || ((states[place] as number) & SETTLED) !== 0) return
      states[place] = (states[place] as number) | SETTLED
      if (ticket !== head || scheduled) return
      scheduled = true
      // A commit settles its whole batch in one turn of the event loop: one write acknowledges all of it.
      setImmediate(flush)
    },
    flush,
    close() {
      if (closed) return
      closed = true
      let settled = 0
      for (let at = head; at < tail; at++) if (((states[at & mask] as number) & SETTLED) !== 0) settled++
      if (settled > 0) {
        counters.lateAcks += settled
        onReleased(settled)
      }
    },
    get size() {
      return tail - head
    },
  }
}
