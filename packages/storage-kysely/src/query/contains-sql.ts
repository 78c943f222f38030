import { asciiLower } from '@devicehub/core/storage'
import { type RawBuilder, sql } from 'kysely'
import type { SqlDialect } from '../schema/logical-type.js'

/**
 * With A to Z in either case. No `like`: which letters that folds is up to a collation, an extension or a setting, as with
 * `lower`, except in the collation "C" and in SQLite. MySQL has no such `lower`: there a pattern names both cases.
 */
export function containsSql(
  dialect: SqlDialect,
  column: RawBuilder<unknown>,
  search: string,
): RawBuilder<unknown> {
  if (dialect === 'mysql') return sql`${column} collate utf8mb4_bin regexp ${eitherCase(search)}`
  const part = asciiLower(search)
  return dialect === 'postgres'
    ? sql`strpos(lower(${column} collate "C"), ${part}) > 0`
    : sql`instr(lower(${column}), ${part}) > 0`
}

/** As a regular expression that both PCRE and ICU read alike. */
const eitherCase = (text: string): string =>
  text.replace(/[!-~]/g, (character) => {
    if (/\d/.test(character)) return character
    return /[a-z]/i.test(character)
      ? `[${character.toLowerCase()}${character.toUpperCase()}]`
      : `\\${character}`
  })
