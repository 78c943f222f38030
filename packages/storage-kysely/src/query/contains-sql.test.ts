import { describeWith } from '@devicehub/test-kit'
import { sql } from 'kysely'
import { expect, onTestFinished, test } from 'vitest'
import { postgresDatabase } from '../testing/open-database.js'
import { containsSql } from './contains-sql.js'

/** What `like` and `lower` fold is up to the locale of a database; that of the test servers folds A to Z alone. */
const LOCALES = {
  'C.UTF-8': "locale 'C.UTF-8'",
  'ICU, Turkish': "locale 'C.UTF-8' locale_provider icu icu_locale 'tr-TR'",
}

describeWith({ postgres: { settings: { fsync: 'off' } } }, 'search on PostgreSQL', ({ postgres }) => {
  test.each(Object.entries(LOCALES))(
    'folds A to Z and no other letter in a database of the locale %s',
    async (_name, locale) => {
      const createDatabase = async () => {
        const database = await postgres().createDatabase()
        await postgres().sql(`drop database ${database.name}`)
        await postgres().sql(`create database ${database.name} template template0 encoding 'UTF8' ${locale}`)
        return database
      }
      const { connect, cleanup } = await postgresDatabase({ createDatabase })
      const db = connect()
      onTestFinished(() => db.destroy().then(cleanup))
      const names = ['ÄÖ', 'äö', 'KI', 'ki', 'İ', 'ı', '\u212A']
      const found = async (search: string) => {
        const rows = names.map((name) => sql`(${name}::text)`)
        const { rows: all } = await sql<{ name: string }>`
          select name from (values ${sql.join(rows)}) as t (name) where ${containsSql('postgres', sql.ref('name'), search)}`.execute(
          db,
        )
        return all.map(({ name }) => name)
      }
      expect(await found('äö')).toEqual(['äö'])
      expect(await found('ÄÖ')).toEqual(['ÄÖ'])
      for (const search of ['ki', 'KI', 'Ki']) expect(await found(search)).toEqual(['KI', 'ki'])
      for (const search of ['i', 'I']) expect(await found(search)).toEqual(['KI', 'ki'])
      for (const search of ['k', 'K']) expect(await found(search)).toEqual(['KI', 'ki'])
      expect(await found('ı')).toEqual(['ı'])
      expect(await found('İ')).toEqual(['İ'])
    },
  )
})
