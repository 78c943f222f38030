import {
  createQueryId,
  MysqlQueryCompiler,
  PostgresQueryCompiler,
  type QueryCompiler,
  type RawBuilder,
  SqliteQueryCompiler,
  sql,
} from 'kysely'
import type { SqlDialect } from '../schema/logical-type.js'

const COMPILERS: Readonly<Record<SqlDialect, QueryCompiler>> = {
  sqlite: new SqliteQueryCompiler(),
  postgres: new PostgresQueryCompiler(),
  mysql: new MysqlQueryCompiler(),
}

/** A part of a statement that is the same each time, as its text: the parts are not put together again. It must have no parameters. */
export function asText(dialect: SqlDialect, part: RawBuilder<unknown>): RawBuilder<unknown> {
  const { sql: text, parameters } = COMPILERS[dialect].compileQuery(part.toOperationNode(), createQueryId())
  if (parameters.length > 0)
    throw new Error('only a part of a statement without parameters can be kept as text')
  return sql.raw(text)
}
