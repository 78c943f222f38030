import { isThenable, neverUnhandled } from './thenable.js'

/** The part of a zod schema that is used here; another copy of zod is as good. */
export interface RunnableSchema {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: unknown }
    | { readonly success: false; readonly error: { readonly issues: readonly SchemaIssue[] } }
}

export interface SchemaIssue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

/** While a schema is asked here; a synchronous call from beginning to end. */
let asking = false

/**
 * Asks a schema of the application's, and never leaves a promise behind that nobody waits for: zod throws when it meets an
 * asynchronous refinement and drops the promise of it, whose rejection would then end the process. Throws what the
 * schema's own functions throw, and for asynchronous ones.
 */
export function runSchema<Outcome>(schema: { safeParse(value: unknown): Outcome }, value: unknown): Outcome {
  if (!guarded.has(schema)) guardSchema(schema)
  const before = asking
  asking = true
  try {
    return schema.safeParse(value)
  } finally {
    asking = before
  }
}

/** Why a schema can never be asked: it says itself that it is asynchronous. Null for all others. */
export function asyncProblem(schema: unknown): string | null {
  let problem: string | null = null
  visit(schema, new Set(), (def) => {
    if (def.type === 'promise') problem ??= 'z.promise()'
    for (const name of FUNCTIONS)
      if (isAsyncFunction(def[name])) problem ??= 'an asynchronous refinement or transform'
  })
  return problem
}

/** What zod keeps of a schema or a check; read with care, since it is not of its documented interface. */
type Def = Record<string, unknown>
interface Internals {
  def?: Def
  check?: unknown
  innerType?: unknown
}

/** Functions of the application in a definition: a refinement, a transform, both ways of a codec, an overwrite. */
const FUNCTIONS = ['fn', 'transform', 'reverseTransform', 'tx'] as const

/** Schemas live as long as their type. */
const guarded = new WeakSet<object>()
const guardedFunctions = new WeakSet<object>()

/**
 * Stops at the first promise of one of the application's functions, in place: when somebody else asks the schema they do
 * and return what they did. It happens with the first value, when schemas that refer to each other are all defined.
 */
function guardSchema(schema: object): void {
  guarded.add(schema)
  visit(schema, new Set(), (def, internals) => {
    for (const name of FUNCTIONS) guardFunction(def, name)
    // What `superRefine` and `check` add has no other place.
    if (Object.hasOwn(internals, 'check')) guardFunction(internals as Record<string, unknown>, 'check')
  })
}

function guardFunction(holder: Record<string, unknown>, name: string): void {
  const given = holder[name]
  if (typeof given !== 'function' || guardedFunctions.has(given)) return
  const call = function (this: unknown, ...args: unknown[]): unknown {
    const result: unknown = Reflect.apply(given, this, args)
    // Of a query builder, too: to zod it would be a value like any other, and every value would pass.
    if (!asking || !isThenable(result)) return result
    neverUnhandled(result)
    throw new TypeError('it has an asynchronous refinement or transform, which cannot be waited for here')
  }
  guardedFunctions.add(call)
  try {
    holder[name] = call
  } catch {
    // Frozen: it stays as it is.
  }
}

const isAsyncFunction = (value: unknown): boolean =>
  typeof value === 'function' && Object.prototype.toString.call(value) === '[object AsyncFunction]'

/** Every schema and check below one, each once; whatever cannot be read (a schema of another kind) is left out. */
function visit(value: unknown, seen: Set<object>, see: (def: Def, internals: Internals) => void): void {
  const open: unknown[] = [value]
  while (open.length > 0) {
    const next = open.pop()
    if (typeof next !== 'object' || next === null || seen.has(next)) continue
    seen.add(next)
    try {
      const internals = (next as { readonly _zod?: Internals })._zod
      if (internals?.def !== undefined) {
        see(internals.def, internals)
        // A lazy one, whose definition has no more than the way to it.
        if (internals.def.type === 'lazy') open.push(internals.innerType)
        open.push(...partsOf(internals.def))
      } else if (Array.isArray(next)) open.push(...next)
      else if (next instanceof Map) open.push(...next.keys(), ...next.values())
      else if (Object.getPrototypeOf(next) === Object.prototype) open.push(...Object.values(next))
    } catch {
      // A lazy schema that refers to one that is not defined yet.
    }
  }
}

/** Members of a definition that can hold schemas; defaults and literals are values of the application's. */
const partsOf = (def: Def): unknown[] => PARTS.flatMap((name) => (def[name] === undefined ? [] : [def[name]]))

const PARTS = [
  'checks',
  'shape',
  'catchall',
  'element',
  'innerType',
  'in',
  'out',
  'options',
  'left',
  'right',
  'items',
  'rest',
  'keyType',
  'valueType',
  'parts',
  'input',
  'output',
] as const
