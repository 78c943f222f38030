import { crc32 } from './crc32.js'

/**
 * One sample in a segment file: marker (4 bytes), length of the body (4), sequence number (8), CRC-32 of these
 * sixteen bytes and of the body (4), body. All big endian.
 */
export interface StoredRecord {
  readonly sequence: number
  readonly body: Buffer
  /** Offset of the first byte behind it. */
  readonly end: number
}

/** Bytes that no UTF-8 text holds, so that no body looks like the beginning of a record. */
const MARKER = Buffer.from([0xd5, 0x1e, 0xff, 0x01])
export const HEADER_BYTES = 20
/** No sample is that large; a length above it is damage. */
const MAX_BODY_BYTES = 64 << 20

export function encodeRecord(sequence: number, body: Uint8Array): Buffer {
  const record = Buffer.allocUnsafe(HEADER_BYTES + body.byteLength)
  MARKER.copy(record, 0)
  record.writeUInt32BE(body.byteLength, 4)
  record.writeBigUInt64BE(BigInt(sequence), 8)
  record.set(body, HEADER_BYTES)
  record.writeUInt32BE(checksum(record), 16)
  return record
}

/**
 * The record at `offset`; null where there is none that is whole. `needed` is how many bytes it would take from
 * `offset` on, where its header is there but not all of its body.
 */
export function readRecord(
  bytes: Buffer,
  offset: number,
): { readonly record: StoredRecord | null; readonly needed: number } {
  if (bytes.length - offset < HEADER_BYTES) return { record: null, needed: HEADER_BYTES }
  if (bytes.compare(MARKER, 0, MARKER.length, offset, offset + MARKER.length) !== 0) return DAMAGED
  const length = bytes.readUInt32BE(offset + 4)
  if (length > MAX_BODY_BYTES) return DAMAGED
  const end = offset + HEADER_BYTES + length
  if (end > bytes.length) return { record: null, needed: HEADER_BYTES + length }
  const whole = bytes.subarray(offset, end)
  if (whole.readUInt32BE(16) !== checksum(whole)) return DAMAGED
  const sequence = Number(whole.readBigUInt64BE(8))
  return { record: { sequence, body: whole.subarray(HEADER_BYTES), end }, needed: 0 }
}

const DAMAGED = { record: null, needed: 0 }

/** Offset of the next whole record behind damage; -1 where there is none. */
export function findRecord(bytes: Buffer, from: number): number {
  for (let at = bytes.indexOf(MARKER, from); at !== -1; at = bytes.indexOf(MARKER, at + 1))
    if (readRecord(bytes, at).record !== null) return at
  return -1
}

const checksum = (record: Buffer) => crc32(record.subarray(HEADER_BYTES), crc32(record.subarray(0, 16)))
