import { describeWith } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { postgresDatabase } from '../testing/open-database.js'
import { openStorages } from '../testing/opened-storage.js'
import { device, Station } from '../testing/rows.js'

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
      await using storages = await openStorages(await postgresDatabase({ createDatabase }), [Station])
      const { devices } = storages.open()
      const names = ['ÄÖ', 'äö', 'KI', 'ki', 'İ', 'ı', '\u212A']
      await devices.ensure(
        Station,
        names.map((name, index) => ({ ...device(Station, `#${index}`), name, createdAt: -index })),
      )
      const found = async (search: string) =>
        (await devices.list(Station, { search }, { limit: 10 })).items.map(({ name }) => name)
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
