import type { Duplex } from 'node:stream'

const [PUBACK, PUBREC] = [4, 5]
/** The reason codes of PUBACK and PUBREC [MQTT-3.4.2.1, MQTT-3.5.2.1]. After any other, mqtt.js ends the connection. */
const KNOWN = new Set([0x00, 0x10, 0x80, 0x83, 0x87, 0x90, 0x91, 0x97, 0x99])
const [SUCCESS, UNSPECIFIED_ERROR, FIRST_ERROR] = [0x00, 0x80, 0x80]

/**
 * Replaces reason codes of acknowledgements that MQTT does not define. mochi-mqtt 2.7 answers a publication with user
 * properties with PUBACK 0x01, the granted QoS. mqtt.js would end the connection, and all unacknowledged publications would
 * be sent again. Only for connections that publish: every byte received is examined.
 */
export function correctReasonCodes(stream: Duplex): void {
  const push = stream.push.bind(stream)
  const correct = createReasonCodeCorrector()
  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (chunk instanceof Uint8Array) correct(chunk)
    return push(chunk, encoding)
  }
}

/** Follows the packets of a stream over its chunks, and changes the reason codes in place. */
export function createReasonCodeCorrector(): (chunk: Uint8Array) => void {
  let type: number | null = null
  /** Bytes of the packet that are still to come. Its length is read bit by bit into this. */
  let left = 0
  let lengthShift: number | null = null
  let position = 0

  function readHeader(byte: number): void {
    if (type === null) {
      type = byte >> 4
      left = 0
      lengthShift = 0
    } else if (lengthShift !== null) {
      left |= (byte & 0x7f) << lengthShift
      lengthShift = byte & 0x80 ? lengthShift + 7 : null
      position = 0
    }
    if (lengthShift === null && left === 0) type = null
  }

  function readBody(chunk: Uint8Array, at: number): number {
    const taken = Math.min(left, chunk.length - at)
    const reason = at + 2 - position
    // The reason code follows the two bytes of the packet id.
    if ((type === PUBACK || type === PUBREC) && reason >= at && reason < at + taken)
      chunk[reason] = corrected(chunk[reason] as number)
    position += taken
    left -= taken
    if (left === 0) type = null
    return taken
  }

  return (chunk) => {
    for (let at = 0; at < chunk.length; ) {
      if (type !== null && lengthShift === null) at += readBody(chunk, at)
      else readHeader(chunk[at++] as number)
    }
  }
}

function corrected(reasonCode: number): number {
  if (KNOWN.has(reasonCode)) return reasonCode
  return reasonCode < FIRST_ERROR ? SUCCESS : UNSPECIFIED_ERROR
}
