import { type IngestOutcome, isDeviceHubError } from '@devicehub/core'
import type { Settle } from '@devicehub/core/transport'
import { ConnectionError, SLOT_LOST } from '../connection/connection-error.js'
import type { Link } from '../connection/link.js'
import type { PublishPacket } from '../connection/publish-packet.js'
import type { BrokerCounters } from '../reporting/counters.js'
import { createAcknowledger } from './acknowledger.js'
import type { DroppedQos0 } from './dropped-qos0.js'
import { toInboundMessage } from './inbound-message.js'
import type { MessageSink } from './message-sink.js'
import type { ReceiveWindow } from './receive-window.js'
import type { SlotLease } from './slot-lease.js'

export interface InboxOptions {
  readonly sink: MessageSink
  /** The largest number of unacknowledged messages of QoS 1 and 2. */
  readonly window: number
  /** The largest number of QoS 0 messages that wait for the sink. */
  readonly maxQueuedQos0: number
  /** The source in the audit rows, such as `mqtt:default`. */
  readonly source: string
  readonly now: () => number
  readonly counters: BrokerCounters
  readonly dropped: DroppedQos0
  /** Told what became of each message. Must not throw. */
  readonly onSettled: (topic: string, outcome: IngestOutcome) => void
  /** Of the slot whose client id the session has; undefined without slots. */
  readonly slotLease?: SlotLease | undefined
}

/** Receives the messages of one network connection. They can be acknowledged on this connection and on no other. */
export interface ConnectionInbox {
  /** False: the packet is held. The link must not read on until it is resumed. */
  take(packet: PublishPacket, qos: 0 | 1 | 2): boolean
  /** Writes the acknowledgements that are ready. */
  flush(): void
  /** Nothing more is acknowledged. */
  close(): void
}

/** Counted over all connections of the session. */
interface SessionTotals {
  taken: number
  waitingQos0: number
}

const isFenced = (outcome: IngestOutcome): boolean =>
  outcome.status === 'failed' && isDeviceHubError(outcome.error, 'fenced')

export function createConnectionInbox(
  link: Link,
  options: InboxOptions,
  window: ReceiveWindow,
  totals: SessionTotals,
): ConnectionInbox {
  const { sink, source, counters, slotLease } = options
  const acknowledger = createAcknowledger({
    window: options.window,
    write: (bytes) => link.write(bytes),
    onReleased: window.release,
    counters,
  })
  const reader = { continueReading }
  /** Arrived while the window had no room. */
  let held: { readonly packet: PublishPacket; readonly qos: 1 | 2 } | null = null
  let closed = false
  window.setReader(reader)

  function close(): void {
    closed = true
    held = null
    window.removeReader(reader)
    acknowledger.close()
  }

  function push(packet: PublishPacket, qos: 0 | 1 | 2, settle: Settle): boolean {
    totals.taken++
    const message = toInboundMessage(packet, qos, source, options.now(), slotLease?.fence)
    if (sink.push(message, settle)) return true
    counters.readPauses++
    void sink.drained().then(() => link.resume())
    return false
  }

  function pushQos0(packet: PublishPacket): boolean {
    if (totals.waitingQos0 >= options.maxQueuedQos0 || window.isPaused) {
      counters.droppedQos0++
      if (window.isPaused) options.dropped.stopping()
      else options.dropped.full()
      return true
    }
    totals.waitingQos0++
    return push(packet, 0, (outcome) => {
      totals.waitingQos0--
      options.onSettled(packet.topic, outcome)
      if (!isFenced(outcome)) return
      counters.fenced++
      slotLease?.end()
    })
  }

  function pushAcknowledged(packet: PublishPacket, qos: 1 | 2): boolean {
    const ticket = acknowledger.receive(packet.messageId as number, qos, packet.dup)
    if (ticket === null) return true
    window.add()
    return push(packet, qos, (outcome) => {
      options.onSettled(packet.topic, outcome)
      settle(ticket, outcome)
    })
  }

  function settle(ticket: number, outcome: IngestOutcome): void {
    if (outcome.status !== 'failed') {
      // A process that was frozen may come here before it notices that the lease has ended.
      if (slotLease?.valid === false) close()
      acknowledger.settle(ticket)
      return
    }
    if (isFenced(outcome)) {
      counters.fenced++
      close()
      link.drop(new ConnectionError(SLOT_LOST))
      slotLease?.end()
    } else {
      counters.failed++
      if (!closed) endAfterFailure(outcome.error)
    }
    window.release(1)
  }

  /**
   * The hub is closing and has not stored the message. The broker sends it again on a new connection only
   * [MQTT-4.4.0-1], so this one ends.
   */
  function endAfterFailure(error: Error): void {
    acknowledger.flush()
    close()
    link.drop(new ConnectionError(`a message was not stored: ${error.message}`, { waitsLongest: true }))
  }

  function continueReading(): void {
    if (held === null) return
    const { packet, qos } = held
    held = null
    if (pushAcknowledged(packet, qos)) link.resume()
  }

  return {
    take(packet, qos) {
      counters.received++
      if (packet.dup) counters.redelivered++
      if (qos === 0) return pushQos0(packet)
      if (window.hasRoom) return pushAcknowledged(packet, qos)
      counters.readPauses++
      held = { packet, qos }
      return false
    },
    flush: acknowledger.flush,
    close,
  }
}
