import { expect, test } from 'vitest'
import { kyselyStorage } from '../kysely-storage.js'
import { device, Station } from '../testing/rows.js'
import { createSchema } from './create-schema.js'
import { describeDatabases } from './testing/databases.js'
import { type AnyTables, deviceRow, insert, rowsOf, time } from './testing/rows.js'

const FORMER = ['mqtt_password_hash', 'api_key_hash']

describeDatabases('a database from before credentials had a table', (open) => {
  test('keeps the columns of the device table, and is written without them', async () => {
    await using database = await open()
    const { dialect } = database
    const db = database.connect<AnyTables>()
    const schema = createSchema({ db, dialect, types: [Station] })
    await schema.migrate()
    for (const name of FORMER) {
      await db.schema.alterTable('station_device').addColumn(name, 'varchar(255)').execute()
      await insert(db, 'devicehub_schema', {
        table_name: 'station_device',
        column_name: name,
        kind: 'varchar',
        applied_at: time(dialect, 0),
      })
    }
    await db.schema
      .createIndex('station_device_api_key_key')
      .on('station_device')
      .column('api_key_hash')
      .unique()
      .execute()
    await db.schema.alterTable('station_device').dropColumn('session_at').execute()
    const old = { device_id: 'old', mqtt_password_hash: 'secret', api_key_hash: 'key' }
    await insert(db, 'station_device', deviceRow(dialect, old))

    const { steps } = await schema.migrate()
    expect(steps.map(({ kind, column }) => `${kind} ${column}`)).toEqual(['addColumn session_at'])
    const storage = kyselyStorage({ db, dialect }).open({ types: [Station] })
    await storage.devices.ensure(Station, [device(Station, 'a'), device(Station, 'b')])
    expect(await storage.devices.find(Station, ['old', 'a'])).toMatchObject([
      { sessionAt: null },
      { sessionAt: null },
    ])
    const byId = new Map((await rowsOf(db, 'station_device')).map((row) => [row.device_id, row]))
    expect(byId.get('old')).toMatchObject(old)
    expect(byId.get('b')).toMatchObject({ mqtt_password_hash: null, api_key_hash: null })

    const dropped = await schema.plan({ allowDestructive: true })
    expect(dropped.steps.map(({ kind, column, destructive }) => [kind, column, destructive])).toEqual(
      FORMER.map((name) => ['dropColumn', name, true]),
    )
  })
})
