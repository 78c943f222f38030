import { expect, test } from 'vitest'
import { crc32 } from './crc32.js'
import { encodeRecord, findRecord, readRecord } from './record-format.js'

test('the checksum is CRC-32 as everybody computes it', () => {
  expect(crc32(Buffer.from('123456789'))).toBe(0xcbf43926)
  expect(crc32(Buffer.from('6789'), crc32(Buffer.from('12345')))).toBe(0xcbf43926)
})

test('a record is read as it was written', () => {
  const bytes = Buffer.concat([
    encodeRecord(7, Buffer.from('{"a":1}')),
    encodeRecord(2 ** 40, Buffer.alloc(0)),
  ])
  const { record } = readRecord(bytes, 0)
  expect([record?.sequence, record?.body.toString()]).toEqual([7, '{"a":1}'])
  expect(readRecord(bytes, record?.end ?? -1).record).toMatchObject({ sequence: 2 ** 40, end: bytes.length })
})

test('whatever bit is wrong, it is no record', () => {
  const good = encodeRecord(7, Buffer.from('{"a":1}'))
  for (let bit = 0; bit < good.length * 8; bit++) {
    const bad = Buffer.from(good)
    bad[bit >> 3] = (bad[bit >> 3] as number) ^ (1 << (bit & 7))
    expect(readRecord(bad, 0).record, `bit ${bit}`).toBe(null)
  }
})

test('wherever it was cut off, it is no record, and says how much is missing once its length is there', () => {
  const whole = encodeRecord(7, Buffer.from('{"a":1}'))
  for (let length = 0; length < whole.length; length++)
    expect(readRecord(whole.subarray(0, length), 0)).toEqual({ record: null, needed: length < 20 ? 20 : 27 })
})

test('behind damage the next whole record is found', () => {
  const bytes = Buffer.concat([Buffer.from([0xd5, 0x1e, 0xff, 0x01, 9]), encodeRecord(3, Buffer.from('x'))])
  expect(findRecord(bytes, 0)).toBe(5)
  expect(findRecord(bytes, 6)).toBe(-1)
})
