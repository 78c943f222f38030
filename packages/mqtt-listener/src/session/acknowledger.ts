import type { Counters } from '../reporting/counters'

const PUBACK = 0x40
const PUBREC = 0x50

const PENDING = 0
const SETTLED = 1
/** Not to be acknowledged, though settled. */
const SUPPRESSED = 2

export interface AcknowledgerOptions {
  /** Messages that may be unacknowledged at once; whoever receives keeps to it. */
  readonly window: number
  readonly write: (bytes: Buffer) => void
  /** So many messages left the window. */
  readonly onReleased: (count: number) => void
  readonly counters: Counters
}

/**
 * The acknowledgements of one network connection: settled in any order, written in the order received
 * [MQTT-4.6.0-2, MQTT-4.6.0-3], all that are ready in one write. It lives and dies with its connection, so that nothing
 * settled later can acknowledge another message that got the same packet id on the next one.
 */
export interface Acknowledger {
  /**
   * A ticket for `settle`. Null: a retransmission of a message that is still in work here; the first copy's
   * acknowledgement is the one the broker waits for.
   */
  receive(packetId: number, qos: 1 | 2, dup: boolean): number | null
  settle(ticket: number): void
  /** Writes at once what would be written at the end of the turn. */
  flush(): void
  /** The connection ended: what is settled from now on is counted as stale. */
  close(): void
  /** Received and not yet acknowledged. */
  readonly size: number
}

export function createAcknowledger(options: AcknowledgerOptions): Acknowledger {
  const { window, write, onReleased, counters } = options
  const capacity = 2 ** Math.ceil(Math.log2(Math.max(2, window)))
  const mask = capacity - 1
  const packetIds = new Uint16Array(capacity)
  const states = new Uint8Array(capacity)
  const commands = new Uint8Array(capacity)
  /** Packet id -> its place in the ring plus one, while it is in work. */
  const places = new Uint32Array(65536)
  let head = 0
  let tail = 0
  let scheduled = false
  let closed = false

  /** Without it, the acknowledgement of the older message would go out for the newer one of the same packet id. */
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
    // A success needs neither reason code nor properties: four bytes in every version of the protocol.
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
        // A server that still waits for the acknowledgement cannot give the id to another message [MQTT-2.2.1-4]:
        // with DUP it is the same message; without, the server has given up on the first one.
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
        counters.staleAcks++
        onReleased(1)
        return
      }
      const place = ticket & mask
      if (ticket < head || ((states[place] as number) & SETTLED) !== 0) return
      states[place] = (states[place] as number) | SETTLED
      if (ticket !== head || scheduled) return
      scheduled = true
      // A commit settles its whole batch in one turn: one write for all of them.
      setImmediate(flush)
    },
    flush,
    close() {
      if (closed) return
      closed = true
      let settled = 0
      for (let at = head; at < tail; at++) if (((states[at & mask] as number) & SETTLED) !== 0) settled++
      if (settled > 0) {
        counters.staleAcks += settled
        onReleased(settled)
      }
    },
    get size() {
      return tail - head
    },
  }
}
