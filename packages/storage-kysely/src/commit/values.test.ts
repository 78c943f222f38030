import type { NewSample, StoredMessage, StoredSample } from '@devicehub/core/storage'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { describeDatabases } from '../testing/describe-databases.js'
import { openStorages } from '../testing/opened-storage.js'
import { batch, entry, Station, sample, T0 } from '../testing/rows.js'
import { buildInsert } from './columns.js'

/** The characters that columns are joined with, and those that array literals and SQL texts escape. */
const nasty = fc.constantFrom(
  '\x1f',
  '\x1e',
  '\x1f\x1e',
  '"',
  '\\',
  '\\"',
  "'",
  '{',
  '}',
  ',',
  'NULL',
  '',
  '\n',
  '\x01',
  '\x7f',
  '%',
  '?',
  '$1',
)
const text = fc
  .array(fc.oneof(nasty, fc.string({ unit: 'binary', maxLength: 4 })), { maxLength: 6 })
  // PostgreSQL has no NUL in a text, and no encoding has half a character.
  .map((parts) => parts.join('').replace(/\0|\p{Surrogate}/gu, ''))
const maybe = <T>(value: fc.Arbitrary<T>) => fc.option(value, { nil: null })
const row = fc.record({
  note: maybe(text),
  temperature: maybe(fc.double({ noNaN: true, noDefaultInfinity: true }).map((value) => value + 0)),
  count: maybe(fc.maxSafeInteger()),
  frame: maybe(fc.uint8Array({ maxLength: 8 })),
  payload: maybe(fc.json()),
  topic: text,
  flags: maybe(text),
})

/**
 * MariaDB renders one in a thousand doubles that need 16 or 17 digits one unit off in the last place, in the text form
 * in which results come; what it has stored is exact. Those of up to 15 digits all come back.
 */
const in15Digits = (value: number | null) =>
  // Halved: the largest would be rounded up to infinity.
  value === null ? null : Number((value / 2).toPrecision(15))

const hex = (bytes: unknown) => (bytes instanceof Uint8Array ? Buffer.from(bytes).toString('hex') : bytes)

describeDatabases('values', (openDatabase) => {
  test('every value of a batch is read back as it was written', async () => {
    await using storages = await openStorages(await openDatabase(), [Station])
    const storage = storages.open()
    let round = 0
    await fc.assert(
      fc.asyncProperty(fc.array(row, { minLength: 1, maxLength: 12 }), async (given) => {
        const deviceId = `d${round++}`
        const rows =
          storage.name === 'mysql'
            ? given.map((each) => ({ ...each, temperature: in15Digits(each.temperature) }))
            : given
        await storage.commit(
          batch(
            rows.map(({ note, temperature, count, frame, payload, topic, flags }, index) =>
              entry(
                Station,
                deviceId,
                [sample(deviceId, { timestamp: T0 + index, flags }, [temperature, count, note, frame])],
                { topic, flags, payloadJson: payload, payloadRaw: frame, correlationId: String(index) },
              ),
            ),
          ),
        )
        const samples = await storage.readings.list(Station, { deviceId, order: 'asc' }, { limit: 100 })
        const messages = await storage.messages.list(Station, { deviceId }, { limit: 100 })
        expect(samples.items.map(comparableSample)).toEqual(
          rows.map(({ note, temperature, count, frame, flags }) => [
            temperature,
            count,
            note,
            hex(frame),
            flags,
          ]),
        )
        expect([...messages.items].reverse().map(comparableMessage)).toEqual(
          rows.map(({ topic, flags, payload, frame }) => [topic, flags, payload, hex(frame)]),
        )
      }),
      { numRuns: 60 },
    )
  })
})

// SQLite and MySQL give a negative zero or the positive one.
const comparableSample = ({ values: [temperature, count, note, frame], flags }: StoredSample) => [
  typeof temperature === 'number' ? temperature + 0 : temperature,
  count,
  note,
  hex(frame),
  flags,
]
const comparableMessage = ({ topic, flags, payloadJson, payloadRaw }: StoredMessage) => [
  topic,
  flags,
  payloadJson,
  hex(payloadRaw),
]

describe('a value of another kind than its column is storage_failed before any database sees it', () => {
  const rowsOf = (values: unknown[]) => values.map((value) => ({ value }) as unknown as NewSample)
  test.each([
    ['float', [1, Number.NaN]],
    ['float', [1, Number.POSITIVE_INFINITY]],
    ['float', ['1', '1']],
    ['integer', [1, 1.5]],
    ['integer', [1, 2 ** 53]],
    ['boolean', [true, 1]],
    ['text', ['a', 1]],
    ['text', [new Uint8Array(1), 'a']],
    ['json', ['{}', 1]],
    ['time', [T0, 1.5]],
    ['bytes', ['a', new Uint8Array(1)]],
  ] as const)('%s: %j', (kind, values) => {
    const column = { name: 'c', kind, get: (of: NewSample) => (of as unknown as { value: string }).value }
    expect(() => buildInsert('t', [column], rowsOf([...values]))).toThrow(
      expect.objectContaining({ code: 'storage_failed' }),
    )
  })
})
