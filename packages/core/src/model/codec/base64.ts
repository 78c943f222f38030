const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/'
const INVALID = 255
const VALUES = new Uint8Array(128).fill(INVALID)
for (let i = 0; i < 64; i++) VALUES[ALPHABET.charCodeAt(i)] = i
// The URL-safe alphabet of RFC 4648 section 5 means the same.
VALUES[0x2d] = 62
VALUES[0x5f] = 63

/**
 * Standard or URL-safe, with or without padding; undefined for anything else, so that two texts never stand for the
 * same bytes by accident of white space or stray bits. Written out, since `Buffer` is not everywhere.
 */
export function decodeBase64(text: string): Uint8Array | undefined {
  let end = text.length
  if (end > 0 && text.charCodeAt(end - 1) === 0x3d) end -= text.charCodeAt(end - 2) === 0x3d ? 2 : 1
  if (end !== text.length && text.length % 4 !== 0) return undefined
  const rest = end % 4
  if (rest === 1) return undefined
  const bytes = new Uint8Array((end * 3) >> 2)
  let bits = 0
  let at = 0
  let count = 0
  for (let i = 0; i < end; i++) {
    const value = VALUES[text.charCodeAt(i)] ?? INVALID
    if (value === INVALID) return undefined
    bits = ((bits << 6) | value) & 0xffff
    count += 6
    if (count >= 8) {
      count -= 8
      bytes[at++] = bits >> count
    }
  }
  return (bits & ((1 << count) - 1)) === 0 ? bytes : undefined
}

/** Standard alphabet, padded. */
export function encodeBase64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 3) {
    const left = bytes.length - i
    const bits = ((bytes[i] as number) << 16) | ((bytes[i + 1] ?? 0) << 8) | (bytes[i + 2] ?? 0)
    text += ALPHABET[bits >> 18]
    text += ALPHABET[(bits >> 12) & 63]
    text += left > 1 ? ALPHABET[(bits >> 6) & 63] : '='
    text += left > 2 ? ALPHABET[bits & 63] : '='
  }
  return text
}
