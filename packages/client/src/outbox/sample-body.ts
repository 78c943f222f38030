import { type Codec, jsonCodec } from '@devicehub/core/definition'
import { encodeWith } from '@devicehub/core/transport'

/**
 * A sample as it lies on disk: JSON, whatever codec the type has, so that a client with another codec still sends it.
 * Bytes are base64; then it is a list of the sample and the names of the readings that are bytes.
 */
export function encodeBody(sample: Readonly<Record<string, unknown>>): Buffer {
  const binary = Object.keys(sample).filter((name) => sample[name] instanceof Uint8Array)
  if (binary.length === 0) return Buffer.from(JSON.stringify(sample))
  const flat = { ...sample }
  for (const name of binary) flat[name] = Buffer.from(sample[name] as Uint8Array).toString('base64')
  return Buffer.from(JSON.stringify([flat, binary]))
}

/** The payload of the channel `data`: one sample as it is, several as a backfill. */
export function payloadOf(bodies: readonly Buffer[], codec: Codec): Uint8Array {
  // Most of all is JSON already: it needs brackets and commas only.
  if (codec === jsonCodec && bodies.every((body) => body[0] === BRACE)) {
    const [only] = bodies
    return bodies.length === 1 && only !== undefined
      ? only
      : Buffer.from(`[${bodies.map((body) => body.toString()).join(',')}]`)
  }
  const samples = bodies.map((body) => decodeBody(body, codec !== jsonCodec))
  return encodeWith(codec, samples.length === 1 ? samples[0] : samples, { channel: 'data' })
}

const BRACE = '{'.charCodeAt(0)

function decodeBody(body: Buffer, bytes: boolean): Record<string, unknown> {
  const stored = JSON.parse(body.toString()) as Record<string, unknown> | [Record<string, unknown>, string[]]
  if (!Array.isArray(stored)) return stored
  const [sample, binary] = stored
  // `Buffer` is a Uint8Array of its own kind, which codecs may not know.
  if (bytes)
    for (const name of binary) sample[name] = new Uint8Array(Buffer.from(String(sample[name]), 'base64'))
  return sample
}
