import { expect, test } from 'vitest'
import type { ReadingKind } from '../model/device-type/field.js'
import type { StoredValue } from '../model/values.js'
import { checkValues, isStorable } from './check-values.js'

type Value = Exclude<StoredValue, null>

/** What a column of each kind takes, and what it refuses. */
const CASES: Readonly<Record<ReadingKind, readonly [takes: readonly Value[], refuses: readonly Value[]]>> = {
  float: [
    [0, -1.5, Number.MAX_VALUE],
    [Number.NaN, Number.POSITIVE_INFINITY, '1', true],
  ],
  integer: [
    [0, -1, Number.MAX_SAFE_INTEGER],
    [1.5, 2 ** 53, Number.NaN, '1'],
  ],
  boolean: [
    [true, false],
    [0, 1, 'true'],
  ],
  string: [
    ['', 'a'],
    [1, new Uint8Array()],
  ],
  enum: [['a'], [1, true]],
  datetime: [
    [0, -1, 1_767_225_600_000],
    [1.5, Number.NaN, '2026-01-01'],
  ],
  json: [['{}'], [1, new Uint8Array()]],
  binary: [[new Uint8Array(1)], ['a', 1]],
  geo: [['{"lat":1,"lon":2}'], [1, new Uint8Array()]],
}

test.each(Object.entries(CASES))(
  'a column of kind %s takes its values and no others',
  (kind, [takes, refuses]) => {
    const storable = (value: Value) => isStorable(kind as ReadingKind, value)
    expect(takes.filter((value) => !storable(value))).toEqual([])
    expect(refuses.filter(storable)).toEqual([])
  },
)

test('a row with such a value, or with a value too many, is storage_failed; null fits everywhere', () => {
  const fields = { level: { kind: 'float' } } as never
  const check = (values: readonly StoredValue[]) => () => checkValues('a row of x', fields, ['level'], values)
  expect(check([null])).not.toThrow()
  expect(check([1.5])).not.toThrow()
  for (const values of [['1.5'], [1, 2], []])
    expect(check(values)).toThrow(expect.objectContaining({ code: 'storage_failed' }))
})
