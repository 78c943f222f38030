import { recordUnhandledRejections } from '@devicehub-internal/support/unhandled-rejections'
import { expect, test } from 'vitest'
import type { Codec } from './codec.js'
import { plainValue } from './plain-value.js'
import { decodeWith, encodeWith } from './run-codec.js'

recordUnhandledRejections()

class Point {
  x = 1
}
const circular: Record<string, unknown> = { a: 1 }
circular.self = circular
let deep: unknown = 1
for (let i = 0; i < 100_000; i++) deep = { a: deep }
let shared: unknown = [1]
for (let i = 0; i < 40; i++) shared = [shared, shared]
const getter = Object.defineProperty({}, 'temperature', {
  enumerable: true,
  get() {
    throw new Error('thrown by the getter')
  },
})

test('what JSON, CBOR and the like have is copied', () => {
  const given = {
    text: 'a',
    list: [1, null, undefined, true],
    big: 12n,
    at: new Date(5),
    bytes: Uint8Array.of(1),
    in: Object.assign(Object.create(null), { x: 1 }),
  }
  const copy = plainValue(given) as typeof given
  expect(copy).toEqual({ ...given, in: { x: 1 } })
  expect(copy.list).not.toBe(given.list)
})

test('a member named __proto__ is a member, and changes no prototype', () => {
  const copy = plainValue(JSON.parse('{"__proto__":{"polluted":1},"a":2}')) as Record<string, unknown>
  expect(Object.keys(copy)).toEqual(['__proto__', 'a'])
  expect(copy.polluted).toBeUndefined()
})

test.each<[string, () => unknown, RegExp]>([
  ['a promise', () => Promise.reject(new Error('late')), /decode\(\) returned a promise;/],
  [
    'a promise as a member',
    () => ({ temperature: Promise.reject(new Error('late')) }),
    /a promise as "temperature"/,
  ],
  // biome-ignore lint/suspicious/noThenProperty: what is refused
  ['a thenable', () => ({ then: () => {} }), /a promise/],
  ['a getter that throws', () => getter, /thrown by the getter/],
  ['an instance of a class', () => ({ p: new Point() }), /an instance of Point as "p"/],
  ['a Map', () => new Map([['temperature', 1]]), /an instance of Map/],
  ['a function', () => ({ f: () => 1 }), /a function as "f"/],
  ['a symbol', () => [Symbol('s')], /a symbol/],
  ['itself', () => circular, /contains itself/],
  ['great depth', () => deep, /more than 128 levels/],
  ['references that multiply', () => shared, /more than 2000000 values/],
])('%s is refused with its reason', (_what, make, message) => {
  const value = make()
  const codec: Codec = {
    name: 'odd',
    contentType: 'x',
    decode: () => value,
    encode: () => value as Uint8Array,
  }
  const context = { channel: 'data', topic: 't', deviceId: 'd', receivedAt: new Date() } as const
  expect(() => decodeWith(codec, Uint8Array.of(1), context)).toThrow(message)
  expect(() => encodeWith(codec, {}, { channel: 'cmd' })).toThrow(
    expect.objectContaining({ code: 'invalid_payload' }),
  )
})
