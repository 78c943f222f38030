import { type InboundMessage, type IngestOutcome, isDeviceHubError, type Settle } from '@devicehub/core'
import type { Link, PublishPacket } from '../connection/link'
import { LinkError, SLOT_LOST } from '../connection/link-error'
import type { Counters } from '../reporting/counters'
import { type Acknowledger, createAcknowledger } from './acknowledger'
import { toInboundMessage } from './inbound-message'
import type { Tenure } from './slot-lease'

/** Who takes the messages of a session: the hub's ingest, or a topic handler. */
export interface Consumer {
  /** `settle` is called once, in any order. False: taken, but the next one must wait for `drained()`. */
  push(message: InboundMessage, settle: Settle): boolean
  drained(): Promise<void>
}

export interface InboxOptions {
  readonly consumer: Consumer
  /** Messages of QoS 1 and 2 that may be unacknowledged at once. */
  readonly window: number
  /** QoS 0 messages that may be waiting at once. */
  readonly qos0Buffer: number
  /** For the audit rows: `mqtt:default`. */
  readonly source: string
  readonly now: () => number
  readonly counters: Counters
  /** Of the slot whose session this is. */
  readonly tenure?: Tenure | undefined
}

/** The messages of one session over all its connections: what was taken and is not settled bounds what may be read. */
export interface Inbox {
  /** Starts a new connection's share of the inbox. */
  openEpoch(link: Link): Epoch
  /** Reads no further message until `resume()`. */
  pause(): void
  resume(): void
  /** Resolves when everything taken has left the window. */
  idle(): Promise<void>
  /** Messages of QoS 1 and 2 in the window. */
  readonly size: number
  /** Messages taken, of every QoS; grows only. */
  readonly taken: number
  /** Messages of QoS 1 and 2 that left the window; grows only. */
  readonly released: number
}

/** One network connection of the session: what it received can be acknowledged on it and nowhere else. */
export interface Epoch {
  /** False: the packet is held, the link must read no further until it is resumed. */
  take(packet: PublishPacket, qos: 0 | 1 | 2): boolean
  /** Writes the acknowledgements that are ready. */
  flush(): void
  close(): void
}

export function createInbox(options: InboxOptions): Inbox {
  const { consumer, window, qos0Buffer, counters, tenure } = options
  let size = 0
  let waitingQos0 = 0
  let taken = 0
  let released = 0
  let paused = false
  let current: { readonly continueReading: () => void } | null = null
  let waiting: (() => void)[] = []

  function release(count: number): void {
    size -= count
    released += count
    if (size < window && !paused) current?.continueReading()
    if (size > 0 || waiting.length === 0) return
    const ready = waiting
    waiting = []
    for (const resolve of ready) resolve()
  }

  function wasFenced(outcome: IngestOutcome): boolean {
    if (outcome.status !== 'failed' || !isDeviceHubError(outcome.error, 'fenced')) return false
    counters.fenced++
    return true
  }

  function openEpoch(link: Link): Epoch {
    let held: PublishPacket | null = null
    let heldQos: 1 | 2 = 1
    let closed = false
    const acknowledger: Acknowledger = createAcknowledger({
      window,
      write: (bytes) => link.write(bytes),
      onReleased: release,
      counters,
    })

    function settleWith(ticket: number): Settle {
      return (outcome) => {
        if (outcome.status !== 'failed') {
          // A process that was frozen may settle before it hears that the slot is lost.
          if (tenure?.valid === false) epoch.close()
          return acknowledger.settle(ticket)
        }
        if (wasFenced(outcome)) {
          epoch.close()
          link.drop(new LinkError(SLOT_LOST))
          tenure?.end()
          return release(1)
        }
        counters.failed++
        if (!closed) {
          acknowledger.flush()
          epoch.close()
          // Only a new connection makes a broker send it again [MQTT-4.4.0-1], and a hub that handed it back is closing.
          link.drop(new LinkError(`a message was not stored: ${outcome.error.message}`, { patient: true }))
        }
        release(1)
      }
    }

    function push(packet: PublishPacket, qos: 0 | 1 | 2, settle: Settle): boolean {
      taken++
      if (consumer.push(toInboundMessage(packet, qos, options.source, options.now(), tenure?.fence), settle))
        return true
      counters.windowHolds++
      void consumer.drained().then(() => link.resume())
      return false
    }

    function takeQos0(packet: PublishPacket): boolean {
      if (waitingQos0 >= qos0Buffer || paused) {
        counters.droppedQos0++
        return true
      }
      waitingQos0++
      return push(packet, 0, (outcome) => {
        waitingQos0--
        if (wasFenced(outcome)) tenure?.end()
      })
    }

    function admit(packet: PublishPacket, qos: 1 | 2): boolean {
      const ticket = acknowledger.receive(packet.messageId as number, qos, packet.dup)
      if (ticket === null) return true
      size++
      if (size > counters.maxInFlight) counters.maxInFlight = size
      return push(packet, qos, settleWith(ticket))
    }

    function continueReading(): void {
      if (held === null) return
      const packet = held
      held = null
      if (admit(packet, heldQos)) link.resume()
    }

    const epoch: Epoch = {
      take(packet, qos) {
        counters.received++
        if (packet.dup) counters.redelivered++
        if (qos === 0) return takeQos0(packet)
        if (size < window && !paused) return admit(packet, qos)
        counters.windowHolds++
        held = packet
        heldQos = qos
        return false
      },
      flush: acknowledger.flush,
      close() {
        closed = true
        held = null
        if (current === self) current = null
        acknowledger.close()
      },
    }
    const self = { continueReading }
    current = self
    return epoch
  }

  return {
    openEpoch,
    pause() {
      paused = true
    },
    resume() {
      paused = false
      if (size < window) current?.continueReading()
    },
    idle: () => (size === 0 ? Promise.resolve() : new Promise<void>((resolve) => waiting.push(resolve))),
    get size() {
      return size
    },
    get taken() {
      return taken
    },
    get released() {
      return released
    },
  }
}
