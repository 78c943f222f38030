import type { Field } from '@devicehub/core/definition'

/** The SQL dialect of a database. MariaDB is `mysql`, TimescaleDB is `postgres`. */
export type SqlDialect = 'sqlite' | 'postgres' | 'mysql'

/**
 * What a column holds, apart from the database. With the column type of each, and what its driver gives back
 * (better-sqlite3, pg and mysql2 with their default settings):
 *
 * | kind     | sqlite              | postgres                   | mysql, mariadb          |
 * |----------|---------------------|----------------------------|-------------------------|
 * | id       | integer: number     | bigint identity: string    | bigint: number          |
 * | varchar  | varchar(n): string  | varchar(n): string         | varchar(n): string      |
 * | text     | text: string        | text: string               | longtext: string        |
 * | json     | text: string        | text: string               | longtext: string        |
 * | double   | real: number        | double precision: number   | double: number          |
 * | bigint   | integer: number     | bigint: string             | bigint: number          |
 * | smallint | integer: number     | smallint: number           | smallint: number        |
 * | boolean  | integer 0/1: number | boolean: boolean           | tinyint(1) 0/1: number  |
 * | time     | integer ms: number  | timestamptz(3): Date       | bigint ms: number       |
 * | bytes    | blob: Buffer        | bytea: Buffer              | longblob: Buffer        |
 * | xid8     | (none)              | xid8: string               | (none)                  |
 *
 * - time on MySQL is a BIGINT of epoch milliseconds, not DATETIME(3): mysql2 reads and writes DATETIME in the *process's*
 *   time zone unless the pool says `timezone: 'Z'`, so two processes, or one across a change to summer time, would store
 *   different instants for the same text; TIMESTAMP ends in 2038. A number means the same under every setting. In SQL:
 *   `DATE_ADD('1970-01-01', INTERVAL timestamp * 1000 MICROSECOND)`, which no session time zone changes either.
 * - json is text everywhere. jsonb refuses the escape `\u0000` and lone surrogates, json refuses deep nesting
 *   (`max_stack_depth`), MySQL's JSON rewrites numbers and key order: a device could send what a batch then fails on.
 *   Text admits all, and comes back as it was sent. In SQL: `payload_json::json ->> 'temperature'`.
 * - On MySQL a varchar above 255 is a longtext: the varchars of a row share 65,535 bytes.
 */
export type LogicalType =
  | { readonly kind: 'varchar'; readonly length: number }
  | { readonly kind: 'id' | 'text' | 'json' | 'double' | 'bigint' | 'smallint' | 'boolean' }
  | { readonly kind: 'time' | 'bytes' | 'xid8' }

/** The longest varchar that PostgreSQL admits. */
const POSTGRES_VARCHAR_MAX = 10_485_760
const MYSQL_VARCHAR_MAX = 255

const SQL_TYPES: Readonly<
  Record<SqlDialect, Readonly<Record<Exclude<LogicalType['kind'], 'varchar'>, string>>>
> = {
  sqlite: {
    id: 'integer',
    text: 'text',
    json: 'text',
    double: 'real',
    bigint: 'integer',
    smallint: 'integer',
    boolean: 'integer',
    time: 'integer',
    bytes: 'blob',
    xid8: 'integer',
  },
  postgres: {
    id: 'bigint',
    text: 'text',
    json: 'text',
    double: 'double precision',
    bigint: 'bigint',
    smallint: 'smallint',
    boolean: 'boolean',
    time: 'timestamp(3) with time zone',
    bytes: 'bytea',
    xid8: 'xid8',
  },
  mysql: {
    id: 'bigint',
    text: 'longtext',
    json: 'longtext',
    double: 'double',
    bigint: 'bigint',
    smallint: 'smallint',
    boolean: 'tinyint(1)',
    time: 'bigint',
    bytes: 'longblob',
    xid8: 'bigint',
  },
}

/** The column type as the dialect's DDL writes it. */
export function sqlType(dialect: SqlDialect, type: LogicalType): string {
  if (type.kind !== 'varchar') return SQL_TYPES[dialect][type.kind]
  if (dialect === 'mysql' && type.length > MYSQL_VARCHAR_MAX) return SQL_TYPES.mysql.text
  if (dialect === 'postgres' && type.length > POSTGRES_VARCHAR_MAX) return SQL_TYPES.postgres.text
  return `varchar(${type.length})`
}

const DEFAULT_STRING_LENGTH = 255

/** The type of the column of a reading or a state field. */
export function fieldType(field: Field): LogicalType {
  switch (field.kind) {
    case 'float':
      return { kind: 'double' }
    case 'integer':
      return { kind: 'bigint' }
    case 'boolean':
      return { kind: 'boolean' }
    case 'string':
      return { kind: 'varchar', length: field.maxLength ?? DEFAULT_STRING_LENGTH }
    case 'enum':
      return {
        kind: 'varchar',
        length: Math.max(DEFAULT_STRING_LENGTH, ...(field.values ?? []).map((value) => value.length)),
      }
    case 'datetime':
      return { kind: 'time' }
    case 'json':
    case 'geo':
      return { kind: 'json' }
    case 'binary':
      return { kind: 'bytes' }
  }
}
