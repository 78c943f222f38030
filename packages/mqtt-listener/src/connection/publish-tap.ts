import type { Readable } from 'node:stream'
import type { OnPublish, PublishPacket } from './publish-packet.js'

export interface PublishTapOptions {
  /** MQTT 5: a PUBLISH has a list of properties, mostly an empty one. */
  readonly hasProperties: boolean
  /** False: mqtt.js still handles earlier packets, and the following ones have to go to it too. */
  readonly isFree: () => boolean
  /** Gets the packets that mqtt.js does not see. */
  readonly onPublish: OnPublish
  /** A PUBLISH goes on to mqtt.js. */
  readonly onPassed: () => void
  /** Packets handled in one turn of the event loop. */
  readonly yieldEvery: number
}

export interface PublishTap {
  /** True while a packet is held. */
  readonly isHeld: boolean
  /** Reads on after `onPublish` returned false. */
  resume(): void
  close(): void
}

const PUBLISH = 3
/** Bytes of a packet from which copying it between chunks is left to mqtt.js. */
const LARGE = 65_536
/** Bytes read ahead while a packet is held. */
const AHEAD_MAX = 16_384
/** Of a remaining length: seven bits each. */
const LENGTH_BYTES_MAX = 4

/**
 * Takes plain PUBLISH packets out of what a socket reads: QoS 0 or 1, without properties, not large. Nearly all of a
 * busy connection are, and mqtt.js spends more on one than the hub on storing it. Every other byte goes on to mqtt.js,
 * and so do all packets that arrive before it is done with a PUBLISH that it was given: the order stays.
 */
export function tapPublishes(stream: Readable, options: PublishTapOptions): PublishTap {
  const { hasProperties, isFree, onPublish, onPassed, yieldEvery } = options
  const push = stream.push.bind(stream)
  /** Received and not read yet. */
  let rest: Buffer | null = null
  /** Bytes that still belong to a packet on its way to mqtt.js. */
  let passing = 0
  let state: 'reading' | 'held' | 'yielding' | 'closed' = 'reading'
  let isWorking = false
  let isEnded = false
  let sinceYield = 0

  /** False: stop reading the socket. */
  function pass(chunk: Buffer, from: number, to: number): boolean {
    return from === to || push(chunk.subarray(from, to))
  }

  function work(): boolean {
    const chunk = rest
    if (chunk === null) return true
    rest = null
    let passedTo = 0
    let at = 0
    while (at < chunk.length && state === 'reading') {
      if (passing > 0) {
        const length = Math.min(passing, chunk.length - at)
        passing -= length
        at += length
        continue
      }
      const start = bodyOf(chunk, at)
      if (start === INCOMPLETE) break
      // mqtt.js reports what is wrong with it.
      const end = start === MALFORMED ? Number.POSITIVE_INFINITY : start + lengthOf(chunk, at)
      const isPublish = (chunk[at] as number) >> 4 === PUBLISH
      const mayBeTaken = isPublish && end - at <= LARGE && isFree()
      if (mayBeTaken && end > chunk.length) break
      const packet = mayBeTaken ? plainPublish(chunk, at, start, end, hasProperties) : null
      if (packet === null) {
        if (isPublish) onPassed()
        passing = end - at
        continue
      }
      pass(chunk, passedTo, at)
      passedTo = at = end
      take(packet)
    }
    const isWanted = pass(chunk, passedTo, at)
    if (at < chunk.length)
      rest = rest === null ? chunk.subarray(at) : Buffer.concat([chunk.subarray(at), rest])
    return isWanted
  }

  const isHeld = () => state === 'held'
  const isYielding = () => state === 'yielding'
  /** The end of a connection is not seen while its socket is not read, so reading goes on for a little. */
  const hasRoom = () => state === 'reading' || rest === null || rest.length < AHEAD_MAX

  function take(packet: PublishPacket): void {
    state = 'held'
    // It may be resumed or closed before the call returns.
    if (onPublish(packet, packet.qos) && isHeld()) state = 'reading'
    // One chunk of the socket holds thousands of small messages.
    if (++sinceYield < yieldEvery || state !== 'reading') return
    sinceYield = 0
    state = 'yielding'
    setImmediate(() => goOn('yielding'))
  }

  function goOn(from: 'held' | 'yielding'): void {
    if (state !== from) return
    state = 'reading'
    if (isWorking) return
    const isWanted = readAll()
    if (isEnded && !isYielding()) push(null)
    else if (isWanted && hasRoom()) stream._read(0)
  }

  function readAll(): boolean {
    isWorking = true
    try {
      return work()
    } finally {
      isWorking = false
    }
  }

  stream.push = (chunk: unknown, encoding?: BufferEncoding) => {
    if (state === 'closed') return push(chunk, encoding)
    if (chunk === null) {
      isEnded = true
      // Held packets are sent again on the next connection: the end of this one must not wait for them.
      return isYielding() ? false : push(null)
    }
    const bytes = chunk as Buffer
    rest = rest === null ? bytes : Buffer.concat([rest, bytes])
    const isWanted = state !== 'reading' || readAll()
    return isWanted && hasRoom()
  }

  return {
    get isHeld() {
      return isHeld()
    },
    resume: () => goOn('held'),
    close() {
      state = 'closed'
      rest = null
    },
  }
}

const [INCOMPLETE, MALFORMED] = [-1, -2]

/** Where the body of the packet begins that stands at `at`. */
function bodyOf(chunk: Buffer, at: number): number {
  for (let index = at + 1; index <= at + LENGTH_BYTES_MAX; index++) {
    const byte = chunk[index]
    if (byte === undefined) return INCOMPLETE
    if (byte < 0x80) return index + 1
  }
  return MALFORMED
}

function lengthOf(chunk: Buffer, at: number): number {
  let length = 0
  for (let index = at + 1, shift = 0; ; index++, shift += 7) {
    const byte = chunk[index] as number
    length |= (byte & 0x7f) << shift
    if (byte < 0x80) return length
  }
}

/** Null: not a plain PUBLISH, or malformed. */
function plainPublish(
  chunk: Buffer,
  at: number,
  start: number,
  end: number,
  hasProperties: boolean,
): (PublishPacket & { readonly qos: 0 | 1 }) | null {
  const header = chunk[at] as number
  const qos = (header >> 1) & 3
  if (qos > 1) return null
  const topicFrom = start + 2
  if (topicFrom > end) return null
  const topicTo = topicFrom + chunk.readUInt16BE(start)
  const payloadFrom = topicTo + 2 * qos + (hasProperties ? 1 : 0)
  // An empty topic stands for an alias.
  if (topicTo === topicFrom || payloadFrom > end) return null
  if (hasProperties && chunk[payloadFrom - 1] !== 0) return null
  const messageId = qos === 1 ? chunk.readUInt16BE(topicTo) : undefined
  const dup = (header & 8) !== 0
  if (messageId === 0 || (qos === 0 && dup)) return null
  return {
    topic: chunk.toString('utf8', topicFrom, topicTo),
    payload: chunk.subarray(payloadFrom, end),
    qos: qos as 0 | 1,
    dup,
    retain: (header & 1) !== 0,
    messageId,
    properties: undefined,
  }
}
