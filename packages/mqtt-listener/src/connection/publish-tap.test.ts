import { Readable } from 'node:stream'
import fc from 'fast-check'
import { generate, type Packet, parser } from 'mqtt-packet'
import { describe, expect, test } from 'vitest'
import { type PublishTap, tapPublishes } from './publish-tap.js'

const turn = () => new Promise((resolve) => setImmediate(resolve))

/** A stream with a tap, and a reader behind it that takes its time for a PUBLISH, as mqtt.js does. */
function tapped({ protocolVersion = 5, yieldEvery = 3, isSlow = true } = {}) {
  const seen: string[] = []
  const taken: string[] = []
  const others: string[] = []
  let passed = 0
  let holdAt = 0
  const stream = new Readable({ read() {} })
  const behind = parser({ protocolVersion })
  behind.on('packet', (packet: Packet) => {
    if (packet.cmd !== 'publish') return void others.push(packet.cmd)
    const done = () => {
      seen.push(String(packet.payload))
      passed--
    }
    if (isSlow) setImmediate(done)
    else done()
  })
  stream.on('data', (chunk: Buffer) => behind.parse(chunk))
  const tap: PublishTap = tapPublishes(stream, {
    hasProperties: protocolVersion === 5,
    isFree: () => passed === 0,
    onPublish(packet) {
      const text = String(packet.payload)
      seen.push(text)
      taken.push(`${packet.topic} ${packet.qos} ${packet.messageId ?? '-'} ${packet.dup} ${packet.retain}`)
      return seen.length !== holdAt
    },
    onPassed: () => passed++,
    yieldEvery,
  })
  return {
    stream,
    tap,
    seen,
    taken,
    others,
    holdAt(count: number) {
      holdAt = count
    },
    async until(count: number) {
      for (let turns = 0; seen.length < count && turns < 1000; turns++) await turn()
    },
  }
}

interface Drawn {
  readonly qos: 0 | 1 | 2
  readonly dup: boolean
  readonly retain: boolean
  readonly properties: boolean
  readonly padding: number
  readonly other: boolean
}

const drawn: fc.Arbitrary<Drawn> = fc.record({
  qos: fc.constantFrom<0 | 1 | 2>(0, 1, 1, 1, 2),
  dup: fc.boolean(),
  retain: fc.boolean(),
  properties: fc.integer({ min: 0, max: 9 }).map((n) => n === 0),
  padding: fc.constantFrom(0, 1, 100, 118, 200, 17_000, 70_000),
  other: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
})

function bytesOf(list: readonly Drawn[], protocolVersion: number): Buffer {
  return Buffer.concat(
    list.flatMap(({ qos, dup, retain, properties, padding, other }, index) => [
      generate(
        {
          cmd: 'publish',
          topic: `things/Gerät/${index}/data`,
          payload: `${index} ${'x'.repeat(padding)}`,
          qos,
          dup: dup && qos > 0,
          retain,
          messageId: index + 1,
          ...(properties && protocolVersion === 5 && { properties: { contentType: 'text/plain' } }),
        },
        { protocolVersion },
      ),
      ...(other ? [generate({ cmd: 'pingresp' })] : []),
    ]),
  )
}

function* cut(bytes: Buffer, sizes: readonly number[]) {
  for (let at = 0, n = 0; at < bytes.length; n++) {
    const size = sizes[n % sizes.length] as number
    yield Buffer.from(bytes.subarray(at, at + size))
    at += size
  }
}

describe('plain publications are taken before mqtt.js', () => {
  test('whatever is among them and wherever the chunks end: all, once, in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(drawn, { minLength: 1, maxLength: 30 }),
        fc.array(fc.constantFrom(1, 2, 3, 7, 64, 1_000, 65_536), { minLength: 1, maxLength: 5 }),
        fc.constantFrom(4, 5),
        fc.boolean(),
        async (list, sizes, protocolVersion, isSlow) => {
          const world = tapped({ protocolVersion, isSlow })
          const bytes = bytesOf(list, protocolVersion)
          const chunk = bytes.length > 5_000 ? sizes.map((size) => size * 97) : sizes
          for (const part of cut(bytes, chunk)) {
            world.stream.push(part)
            if (part.length % 2 === 0) await turn()
          }
          await world.until(list.length)
          await turn()
          expect(world.seen.map((text) => Number(text.split(' ')[0]))).toEqual(list.map((_, index) => index))
          expect(world.others).toHaveLength(list.filter(({ other }) => other).length)
        },
      ),
      { numRuns: 150 },
    )
  })

  test('with all that they say', async () => {
    const world = tapped()
    const packet = { cmd: 'publish', topic: 't/ü', payload: 'x', retain: true } as const
    const options = { protocolVersion: 5 }
    world.stream.push(generate({ ...packet, qos: 1, dup: true, messageId: 65_535 }, options))
    world.stream.push(generate({ ...packet, qos: 0, dup: false }, options))
    await world.until(2)
    expect(world.taken).toEqual(['t/ü 1 65535 true true', 't/ü 0 - false true'])
  })

  const plain = { qos: 1, dup: false, retain: false, properties: false, padding: 0, other: false } as const
  const three = bytesOf([plain, plain, plain], 5)
  const many = bytesOf(Array(200).fill({ ...plain, padding: 100 }), 5)
  const ended = (stream: Readable) => {
    const told = { is: false }
    stream.on('end', () => {
      told.is = true
    })
    return told
  }

  test('held, little more is read until it is resumed; the end of the connection does not wait for that', async () => {
    const world = tapped({ yieldEvery: 1_000 })
    const end = ended(world.stream)
    world.holdAt(2)
    await turn()
    expect(world.stream.push(three)).toBe(true)
    expect(world.stream.push(many)).toBe(false)
    await turn()
    expect([world.seen.length, world.tap.isHeld]).toEqual([2, true])
    world.tap.resume()
    expect([world.seen.length, world.tap.isHeld]).toEqual([203, false])
    world.holdAt(204)
    world.stream.push(three)
    world.stream.push(null)
    await turn()
    expect([world.seen.length, world.tap.isHeld, end.is]).toEqual([204, true, true])
  })

  test('the end comes behind what a turn had no time for', async () => {
    const world = tapped({ yieldEvery: 2 })
    const end = ended(world.stream)
    await turn()
    expect(world.stream.push(three)).toBe(true)
    expect(world.stream.push(null)).toBe(false)
    expect(world.seen).toHaveLength(2)
    await turn()
    await turn()
    expect([world.seen.length, end.is]).toEqual([3, true])
  })

  test.each([
    ['a length of five bytes', [0x32, 0xff, 0xff, 0xff, 0xff, 0x01]],
    ['a topic beyond the end', [0x32, 0x05, 0x00, 0x20, 0x61, 0x00, 0x01]],
    ['QoS 3', [0x36, 0x06, 0x00, 0x01, 0x61, 0x00, 0x01, 0x00]],
    ['packet id 0', [0x32, 0x06, 0x00, 0x01, 0x61, 0x00, 0x00, 0x00]],
    ['an empty topic', [0x32, 0x05, 0x00, 0x00, 0x00, 0x01, 0x00]],
    ['a body of one byte', [0x32, 0x01, 0x00]],
  ])('what is malformed is left to mqtt.js: %s', async (_, bytes) => {
    const passed: Buffer[] = []
    const stream = new Readable({ read() {} })
    let count = 0
    tapPublishes(stream, {
      hasProperties: true,
      isFree: () => true,
      onPublish: () => expect.unreachable('taken'),
      onPassed: () => count++,
      yieldEvery: 10,
    })
    stream.on('data', (chunk: Buffer) => passed.push(chunk))
    await turn()
    stream.push(Buffer.from(bytes))
    await turn()
    expect([...Buffer.concat(passed)]).toEqual(bytes)
    expect(count).toBe(1)
  })
})
