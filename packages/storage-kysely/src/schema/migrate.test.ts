import { describeWith } from '@devicehub/test-kit'
import { expect, test } from 'vitest'
import { asStorageErrors } from '../storage-error.js'
import { applySteps } from './migrate.js'
import { describeDatabases, postgresDatabase } from './testing/databases.js'

const step = (sql: string) =>
  ({ kind: 'other', table: 't', description: 'Do it', destructive: false, sql: [sql] }) as const

describeDatabases('a step', (open) => {
  test('that the database refuses is storage_failed, with the statement and its reason', async () => {
    await using database = await open()
    const statement = 'alter table nowhere add column a integer'
    await expect(applySteps(database.connect(), [step(statement)])).rejects.toMatchObject({
      code: 'storage_failed',
      message: expect.stringMatching(/"Do it": .*nowhere/),
      details: { statement },
    })
  })
})

describeWith({ postgres: { settings: { fsync: 'off' } } }, 'a step on PostgreSQL', ({ postgres }) => {
  test('during which the connection breaks is storage_unavailable', async () => {
    await using database = await postgresDatabase(postgres())
    const breaks = step('select pg_terminate_backend(pg_backend_pid())')
    const applied = asStorageErrors('migrating', () => applySteps(database.connect(), [breaks]))
    await expect(applied).rejects.toMatchObject({ code: 'storage_unavailable' })
  })
})
