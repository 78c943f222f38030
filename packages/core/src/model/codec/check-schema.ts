import { type RunnableSchema, runSchema } from './run-schema.js'
import { errorLine, toLine } from './text.js'

/** What a schema says of a value: the value as the schema makes it, or what does not fit. */
export type Checked =
  | { readonly fits: true; readonly value: unknown }
  /** In a line: which part does not fit, and what would. */
  | { readonly fits: false; readonly problem: string }

/** Asks a schema of the user's; one that throws, or wants to be asked asynchronously, admits nothing. */
export function checkSchema(schema: unknown, value: unknown, name: string): Checked {
  try {
    const result = runSchema(schema as RunnableSchema, value)
    if (result.success) return { fits: true, value: result.data }
    const problems = result.error.issues
      .slice(0, 5)
      .map(({ path, message }) => toLine(`${[name, ...path.map(String)].join('.')}: ${message}`, 200))
    return { fits: false, problem: problems.join('; ') }
  } catch (error) {
    return { fits: false, problem: `${name}: its schema failed: ${errorLine(error, 200)}` }
  }
}
