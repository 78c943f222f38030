import fc from 'fast-check'

class Instance {
  name = 'instance'
  get broken(): never {
    throw new Error('a getter of a class throws')
  }
}

const throwing = (traps: readonly (keyof ProxyHandler<object>)[], target: object = {}): object => {
  const trap = () => {
    throw new Error('a trap of a proxy throws')
  }
  return new Proxy(target, Object.fromEntries(traps.map((name) => [name, trap])))
}

function revoked(target: object): object {
  const { proxy, revoke } = Proxy.revocable(target, {})
  revoke()
  return proxy
}

function cyclic(): object {
  const value: Record<string, unknown> = { a: 1 }
  value.self = value
  return value
}

function deep(): object {
  let value: object = {}
  for (let level = 0; level < 3_000; level++) value = { value }
  return value
}

/** What the hostile values themselves throw. */
export const OWN_ERRORS: readonly string[] = ['a callback throws', 'a trap of a proxy throws']

const thrower = () => {
  throw new TypeError('a callback throws')
}

/** Made anew for each call: some of them can be changed, or used once. */
const MAKERS: Readonly<Record<string, () => unknown>> = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  false: () => false,
  'an empty text': () => '',
  'a space': () => ' ',
  'a NUL': () => 'a\0b',
  'half a surrogate': () => 'a\ud800',
  'a line end': () => 'a\nb',
  'an escape sequence': () => '\u001b[31m',
  'a long text': () => 'x'.repeat(70_000),
  'a quote': () => `'; drop table station_device; --`,
  __proto__: () => '__proto__',
  constructor: () => 'constructor',
  wildcards: () => '#/+/$share',
  zero: () => 0,
  'minus one': () => -1,
  'a fraction': () => 1.5,
  NaN: () => Number.NaN,
  Infinity: () => Number.POSITIVE_INFINITY,
  '-Infinity': () => Number.NEGATIVE_INFINITY,
  'beyond safe integers': () => 2 ** 53,
  'a large number': () => 1e308,
  'a small number': () => 5e-324,
  'a bigint': () => 10n ** 30n,
  'a symbol': () => Symbol('hostile'),
  'a date': () => new Date(0),
  'an invalid date': () => new Date(Number.NaN),
  'a date beyond RFC 3339': () => new Date(8.64e15),
  'a function': () => () => {},
  'a function that throws': () => thrower,
  'a class': () => Instance,
  'an instance': () => new Instance(),
  'a list': () => [],
  'a list of undefined': () => [undefined],
  'a list of null': () => [null],
  'a list with holes': () => new Array(3),
  'a list of hostile texts': () => ['a\0b', '\ud800', ''],
  'an empty object': () => ({}),
  'an object without prototype': () => Object.create(null),
  'an own __proto__': () => JSON.parse('{"__proto__":{"limit":5}}'),
  'a getter that throws': () => Object.defineProperty({}, 'limit', { enumerable: true, get: thrower }),
  'a toString that throws': () => ({ toString: thrower, valueOf: thrower, [Symbol.toPrimitive]: thrower }),
  'a toJSON that throws': () => ({ toJSON: thrower }),
  'a thenable that throws': () => Object.defineProperty({}, 'then', { get: thrower }),
  'an iterable that throws': () => ({ [Symbol.iterator]: thrower }),
  'an iterator that throws': () => ({ [Symbol.iterator]: () => ({ next: thrower }) }),
  'an async iterator that throws': () => ({ [Symbol.asyncIterator]: () => ({ next: thrower }) }),
  'a cycle': cyclic,
  'a deep object': deep,
  'a frozen object': () => Object.freeze({ a: 1 }),
  'a map': () => new Map([['limit', 5]]),
  'a set': () => new Set([1]),
  'a promise': () => Promise.resolve(5),
  'an error': () => new TypeError('an error as a value'),
  'a regular expression': () => /x/g,
  bytes: () => new Uint8Array([0, 255]),
  'a detached buffer': () => new ArrayBuffer(8),
  'a URL': () => new URL('http://x/'),
  'an abort signal': () => AbortSignal.abort(),
  'a proxy that cannot be read': () => throwing(['get']),
  'a proxy that cannot be listed': () => throwing(['ownKeys', 'getOwnPropertyDescriptor']),
  'a proxy without a known prototype': () => throwing(['getPrototypeOf']),
  'a proxy that refuses all': () =>
    throwing([
      'get',
      'has',
      'ownKeys',
      'getPrototypeOf',
      'getOwnPropertyDescriptor',
      'set',
      'defineProperty',
    ]),
  'a list that cannot be read': () => throwing(['get'], [1, 2]),
  'a function that cannot be read': () => throwing(['get', 'apply'], () => {}),
  'a revoked proxy': () => revoked({}),
  'a revoked list': () => revoked([]),
  'a revoked function': () => revoked(() => {}),
}

export interface Hostile {
  readonly name: string
  make(): unknown
}

export const NAMED: readonly Hostile[] = Object.entries(MAKERS).map(([name, make]) => ({
  name,
  make,
  toString: () => name,
}))

const named: fc.Arbitrary<Hostile> = fc.constantFrom(...NAMED)

const anything: fc.Arbitrary<Hostile> = fc
  .anything({
    withBigInt: true,
    withDate: true,
    withMap: true,
    withSet: true,
    withNullPrototype: true,
    maxDepth: 2,
  })
  .map((value) => ({ name: fc.stringify(value).slice(0, 200), make: () => value }))

export const hostile: fc.Arbitrary<Hostile> = fc.oneof(
  { weight: 4, arbitrary: named },
  { weight: 1, arbitrary: anything },
)
