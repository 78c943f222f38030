import type { SchemaStep } from '@devicehub/core/storage'

/** A Kysely migration file, in TypeScript, that does what the plan says. */
export function migrationFile(steps: readonly SchemaStep[]): string {
  const body = steps
    .map((step) => {
      const comment = `  // ${step.description}${step.destructive ? ' (destructive)' : ''}`
      const statements = step.sql.map(
        (statement) => `  await sql.raw(${templateLiteral(statement)}).execute(db)`,
      )
      return [comment, ...statements].join('\n')
    })
    .join('\n\n')
  return `import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
${body}
}
`
}

const templateLiteral = (text: string): string =>
  `\`${text.replaceAll('\\', '\\\\').replaceAll('`', '\\`').replaceAll('${', '\\${')}\``
