import { DeviceHubError, type SchemaStep } from '@devicehub/core'

/** A table of one of our names that cannot be made into what is declared. */
export const notOurTable = (table: string, reason: string): DeviceHubError =>
  new DeviceHubError(
    'schema_refused',
    `The table ${table} exists but was not made for this device type: ${reason}. Rename that table, or the device type`,
    { details: { table } },
  )

/** Names every step that would lose data, and what can be done instead. */
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

/** Its unique keys hold the time, those of a plain table do not: the two are written differently. */
export const hypertableWithoutOption = (tables: readonly string[]): DeviceHubError =>
  new DeviceHubError(
    'schema_refused',
    `${tables.join(', ')}: a TimescaleDB hypertable, but the option \`timescale\` is not set. Set it, \`timescale: {}\` will do`,
    { details: { tables } },
  )
