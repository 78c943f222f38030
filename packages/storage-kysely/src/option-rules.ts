import * as check from '@devicehub/core/check'
import type { Kysely } from 'kysely'
import type { SqlDialect } from './schema/logical-type.js'

/** Rules that several functions share. Each function's own rules are beside its options type. */

export const kyselyRule = check.port<Kysely<unknown>>(
  'a Kysely instance: new Kysely({ dialect })',
  'getExecutor',
  'withoutPlugins',
  'transaction',
  'destroy',
)

export const dialectRule = check.word<SqlDialect>('sqlite', 'postgres', 'mysql')
