import type { InboundMessage } from '../ports/transport.js'

/** What became of one message. Everything but `failed` is committed, and may be acknowledged. */
export type IngestOutcome =
  | { readonly status: 'stored'; readonly samples: number; readonly duplicates: number }
  | { readonly status: 'duplicate' }
  | { readonly status: 'rejected' | 'quarantined'; readonly code: string; readonly reason: string }
  /** Nothing was committed (the hub closed first): do not acknowledge. */
  | { readonly status: 'failed'; readonly error: Error }

/** Called once, with what became of a message. */
export type Settle = (outcome: IngestOutcome) => void

/** The one way into the hub, for every source. */
export interface Ingest {
  /**
   * One outcome a message, in the order given, after the commit. Waits while the queue is full.
   * Throws `invalid_options` when one is no message, and then none is taken; `closed` when the hub, or its database,
   * closed before everything was committed.
   */
  (messages: readonly InboundMessage[]): Promise<IngestOutcome[]>
  /**
   * The same for a transport, which settles each message by itself: `settle` is called once, in any order.
   * Returns false when the queue is full: the message was taken, the next one must wait for `drained()`.
   */
  push(message: InboundMessage, settle: Settle): boolean
  /** Resolves when there is room again. */
  drained(): Promise<void>
}

/** Why a message was not processed, as its audit row has it. */
export interface Refusal {
  /** Why, for programs. */
  readonly code: RefusalCode
  /** Why, in a sentence. */
  readonly reason: string
}

/** Codes of audit rows, with what they mean and whether a replay can help. */
export const REFUSAL_CODES = {
  invalid_topic: 'The topic is no MQTT topic',
  unknown_topic: 'The topic fits no topic template of any device type',
  unknown_type: 'The topic names a device type that is not registered',
  unknown_device: 'No device of that id exists',
  inactive_device: 'The device is deactivated',
  invalid_device_id: 'The device id in the topic is too long or has characters that are not allowed',
  unknown_channel: 'The topic names a channel that does not exist',
  not_inbound: 'Devices do not send on this channel',
  empty_payload: 'The payload has no bytes',
  invalid_json: 'The payload is not JSON in UTF-8',
  undecodable: "The type's codec could not read the payload",
  invalid_shape: 'The payload is neither a flat object, a list of readings nor a backfill',
  invalid_type: 'A reading has a value of the wrong type',
  no_samples: 'The backfill is empty',
  missing_reading: 'A reading that is not nullable is missing',
  no_readings: 'The payload has none of the readings of the device type',
  out_of_range: 'A reading is out of range, and the type rejects that',
  unknown_field: 'The payload has a field that is not declared, and the type rejects that',
  too_many_samples: 'The backfill holds more samples than one message may',
  partially_rejected: 'Some samples, readings or fields were refused; the others are stored',
  bad_timestamp: 'The time of a sample in a backfill cannot be read',
  perhaps_stored:
    'Of a message that was stored in part, a sample that nothing identifies is not stored by a replay',
  impossible_time: 'The time of a sample cannot be true, and the type rejects that',
  payload_too_large: 'The payload has more bytes than the hub takes',
  handler_failed: 'A topic handler threw or took too long',
  storage_failed: 'The database refused the row',
  unknown_command: 'The device was sent no command of this id',
  not_supported:
    'The storage of the hub keeps telemetry alone, and has no place for replies and reported state',
} as const

/**
 * The code of an audit row that says why a message, or a part of it, was refused. `REFUSAL_CODES` has a sentence for
 * each.
 */
export type RefusalCode = keyof typeof REFUSAL_CODES
