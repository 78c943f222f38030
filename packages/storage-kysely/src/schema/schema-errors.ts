import { DeviceHubError } from '@devicehub/core'
import type { SchemaStep } from '@devicehub/core/storage'

/** The error for a table with one of our names that cannot become what is declared. */
export const notOurTable = (table: string, reason: string): DeviceHubError =>
  new DeviceHubError(
    'schema_refused',
    `The table ${table} exists but was not made for this device type: ${reason}. Rename that table, or the device type`,
    { details: { table } },
  )

/** The error for steps that would lose data: it names each, and what to do instead. */
export function refusal(steps: readonly SchemaStep[]): DeviceHubError {
  const list = steps.map((step) => `- ${step.description}`).join('\n')
  return new DeviceHubError(
    'schema_refused',
    `Nothing was migrated: ${steps.length === 1 ? 'a step loses' : `${steps.length} steps lose`} data.\n${list}\n` +
      'Declare the field as it was, or give it a new name (`renamedFrom` keeps the values of a renamed one), ' +
      'or pass `allowDestructive: true` to lose the data.',
    { details: { steps } },
  )
}

export const wrongDialect = (dialect: string): DeviceHubError =>
  new DeviceHubError(
    'invalid_options',
    `The option \`timescale\` is for PostgreSQL, and the dialect is ${dialect}`,
    {
      details: { dialect },
    },
  )

/**
 * The error for a hypertable without the option `timescale`: its unique keys include the time, so it is written
 * differently.
 */
export const hypertableWithoutOption = (tables: readonly string[]): DeviceHubError =>
  new DeviceHubError(
    'schema_refused',
    `${tables.join(', ')}: a TimescaleDB hypertable, but the option \`timescale\` is not set. Set it, \`timescale: {}\` will do`,
    { details: { tables } },
  )
