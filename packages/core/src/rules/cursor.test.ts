import { expect, test } from 'vitest'
import { readCursor, readNumericCursor, writeCursor } from './cursor.js'

test('a cursor is read as it was written', () => {
  for (const key of [0, 7, -7, 253_402_300_799_999, -62_135_596_800_000]) {
    expect(readNumericCursor('devices', writeCursor('devices', key, 5))).toEqual({ key, tie: 5 })
    expect(readCursor('devices', writeCursor('devices', key, 'a.b'))).toEqual({ key, tie: 'a.b' })
  }
})

test('a number in another writing is refused, and the error names the list', () => {
  for (const key of ['07', '00', '-0', '+7', ' 7', '7 ', '7e1', '0x7', '', '-', '7n']) {
    for (const cursor of [`log.${key}.0`, `log.0.${key}`])
      expect(() => readNumericCursor('log', cursor), cursor).toThrow(
        'The cursor of the log is not one that this storage gave out. Start again without a cursor.',
      )
  }
  expect(() => readCursor('overdue', 'devices.7.a')).toThrow('The cursor of overdue devices is not')
  expect(() => readCursor('devices', 'overdue.7.a')).toThrow('The cursor of devices is not')
})
