/** The part of a zod schema that is used here; another copy of zod is as good. */
interface Schema {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: unknown }
    | { readonly success: false; readonly error: { readonly issues: readonly Issue[] } }
}

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

export type Checked =
  | { readonly fits: true; readonly value: unknown }
  /** In a line: which part does not fit, and what would. */
  | { readonly fits: false; readonly problem: string }

/** Asks a schema of the user's; one that throws, or wants to be asked asynchronously, admits nothing. */
export function checkSchema(schema: unknown, value: unknown, name: string): Checked {
  try {
    const result = (schema as Schema).safeParse(value)
    if (result.success) return { fits: true, value: result.data }
    const problems = result.error.issues
      .slice(0, 5)
      .map(({ path, message }) => `${[name, ...path.map(String)].join('.')}: ${message}`)
    return { fits: false, problem: problems.join('; ') }
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return { fits: false, problem: `${name}: its schema failed: ${reason}` }
  }
}
