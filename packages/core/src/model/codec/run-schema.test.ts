import { recordUnhandledRejections } from '@devicehub-internal/support/unhandled-rejections'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import { command } from '../device-type/command.js'
import { reading } from '../device-type/reading.js'
import { state } from '../device-type/state.js'
import { checkSchema } from './check-schema.js'
import { compileFieldCheck } from './field-check.js'

recordUnhandledRejections()

/** What looks up a database does: a function that is not declared `async`, of which nothing tells that it returns a promise. */
const rejects = (..._args: unknown[]) => Promise.reject(new Error('the database is away')) as never
const queryBuilder = () =>
  // biome-ignore lint/suspicious/noThenProperty: a thenable that is no promise
  ({ execute: () => undefined, then: (_: unknown, no: (e: Error) => void) => no(new Error('x')) }) as never

interface Tree {
  readonly name: string
  readonly children: readonly Tree[]
}
const Recursive: z.ZodType<Tree> = z.object({
  name: z.string().refine(rejects),
  get children(): z.ZodType<readonly Tree[]> {
    return z.array(Recursive)
  },
})
const Lazy: z.ZodType = z.lazy(() => z.object({ a: z.string().refine(rejects), next: Lazy.optional() }))

const HIDDEN: readonly [string, () => z.ZodType, unknown][] = [
  ['a refinement', () => z.string().refine(rejects), 'a'],
  ['one in a member', () => z.object({ a: z.array(z.string().refine(rejects)) }), { a: ['x', 'y', 'z'] }],
  ['superRefine', () => z.object({ a: z.string() }).superRefine(rejects), { a: 'x' }],
  ['check', () => z.string().check(rejects), 'x'],
  ['a transform', () => z.string().transform(rejects), 'x'],
  ['a transform before others', () => (z.string().transform(rejects) as z.ZodType).pipe(z.any()), 'x'],
  ['preprocess', () => z.preprocess(rejects, z.string()), 'x'],
  [
    'a codec',
    () =>
      z.object({
        a: z.codec(z.string(), z.number(), { decode: rejects, encode: rejects }),
        b: z.string().refine(rejects),
      }),
    { a: 'x', b: 'y' },
  ],
  ['custom', () => z.custom(rejects), 'x'],
  ['a union', () => z.union([z.string().refine(rejects), z.number()]), 'x'],
  [
    'an intersection',
    () =>
      z.intersection(
        z.object({ a: z.string().refine(rejects) }),
        z.object({ b: z.string().refine(rejects) }),
      ),
    { a: 'x', b: 'y' },
  ],
  ['a record', () => z.record(z.string().refine(rejects), z.string().refine(rejects)), { a: 'x', b: 'y' }],
  ['a tuple', () => z.tuple([z.string().refine(rejects)], z.string().refine(rejects)), ['x', 'y']],
  ['a schema that contains itself', () => Recursive, { name: 'a', children: [{ name: 'b', children: [] }] }],
  ['a lazy one', () => Lazy, { a: 'x', next: { a: 'y' } }],
  ['a query builder', () => z.string().refine(queryBuilder), 'x'],
]

describe('an asynchronous schema', () => {
  test.each(HIDDEN)(
    'that hides in %s admits nothing, says so, and leaves no rejection behind',
    (_what, make, value) => {
      const schema = make()
      for (let i = 0; i < 2; i++) {
        const checked = checkSchema(schema, value, 'payload')
        expect(checked).toMatchObject({
          fits: false,
          problem: expect.stringMatching(/asynchronous|schema failed/),
        })
      }
      expect(compileFieldCheck(reading.json({ schema }))(value)).toBeUndefined()
    },
  )

  test('does for others what it did: it can still be awaited', async () => {
    const schema = z.string().refine((text) => Promise.resolve(text === 'good') as never)
    expect(checkSchema(schema, 'good', 'payload').fits).toBe(false)
    expect((await schema.safeParseAsync('good')).success).toBe(true)
    expect((await schema.safeParseAsync('bad')).success).toBe(false)
  })

  const DECLARED: readonly [string, () => z.ZodType][] = [
    ['an async refinement', () => z.object({ a: z.array(z.string().refine(async () => true)) })],
    ['an async transform', () => z.string().transform(async () => 1)],
    ['an async codec', () => z.codec(z.string(), z.string(), { decode: async (x) => x, encode: (x) => x })],
    ['z.promise in a lazy one', () => z.lazy(() => z.promise(z.string()))],
    ['z.promise', () => z.object({ a: z.promise(z.string()).optional() })],
  ]
  test.each(DECLARED)('that says so itself (%s) is refused where it is declared', (_what, make) => {
    const refused = expect.objectContaining({
      code: 'invalid_definition',
      message: expect.stringMatching(/await/),
    })
    expect(() => reading.json({ schema: make() })).toThrow(refused)
    expect(() => state.json({ schema: make() })).toThrow(refused)
    expect(() => command({ payload: make() })).toThrow(refused)
    expect(() => command({ result: make() })).toThrow(refused)
  })
})

test('a synchronous schema is asked as ever, and its problems are a short line', () => {
  const schema = z.object({
    a: z
      .string()
      .transform(Number)
      .pipe(z.number().refine((n) => n > 1)),
  })
  expect(checkSchema(schema, { a: '2' }, 'payload')).toEqual({ fits: true, value: { a: 2 } })
  const wordy = z.string().refine(() => false, { error: ({ input }) => `not ${String(input)}` })
  const checked = checkSchema(wordy, `\x1b[2J\0${'x'.repeat(50_000)}`, 'result')
  if (checked.fits) throw new Error('it fits')
  expect(checked.problem).toMatch(/^result: not \?\[2J\?x+\.\.\.$/)
  expect(checked.problem.length).toBeLessThan(300)
})
