const TEXT_OR_BYTES: readonly number[] = [2, 3]
/** Bytes of the number that follows an item's first byte, by its low five bits. */
const NUMBER_BYTES: readonly number[] = Array.from({ length: 32 }, (_, low) => [1, 2, 4, 8][low - 24] ?? 0)

/**
 * Whether CBOR holds more than `max` items, told from their heads alone. A megabyte of empty maps takes a decoder a
 * quarter of a second, in which nobody else is served; looking at it takes a few milliseconds.
 */
export function holdsMoreItemsThan(cbor: Uint8Array, max: number): boolean {
  let items = 0
  for (let at = 0; at < cbor.length; ) {
    if (++items > max) return true
    const first = cbor[at] as number
    const numberBytes = NUMBER_BYTES[first & 0x1f] as number
    at += 1
    if (TEXT_OR_BYTES.includes(first >> 5)) at += lengthOf(cbor, at, first & 0x1f, numberBytes)
    at += numberBytes
  }
  return false
}

/** Of a text or of bytes; those of indefinite length consist of items of their own. */
function lengthOf(cbor: Uint8Array, at: number, low: number, numberBytes: number): number {
  if (numberBytes === 0) return low < 24 ? low : 0
  let length = 0
  for (let i = at; i < at + numberBytes; i++) length = length * 256 + (cbor[i] ?? 0)
  return length
}
