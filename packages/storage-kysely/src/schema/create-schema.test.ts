import { Kysely, PostgresDialect, sql } from 'kysely'
import pg from 'pg'
import { expect, test } from 'vitest'
import { createSchema } from './create-schema.js'
import { describeDatabases } from './testing/databases.js'
import { deviceType, field } from './testing/device-types.js'
import { type AnyTables, deviceRow, insert, messageRow, readingRow, rowsOf, time } from './testing/rows.js'

const Station = deviceType(
  'station',
  {
    temperature: field('float'),
    count: field('integer'),
    raining: field('boolean'),
    note: field('string', { maxLength: 20 }),
    essay: field('string', { maxLength: 70_000 }),
    sky: field('enum', { values: ['clear', 'cloudy'] }),
    calibrated_at: field('datetime'),
    extra: field('json'),
    photo: field('binary'),
    place: field('geo'),
  },
  {
    mode: field('enum', { values: ['burst', "it's \\ on"], default: "it's \\ on" }),
    gain: field('float', { default: 1.5 }),
    armed: field('boolean', { default: true }),
    limits: field('json', { default: { high: ["a'b"] } }),
    serviced_at: field('datetime', { default: new Date(1_600_000_000_789) }),
    seed: field('binary', { default: new Uint8Array([0, 255, 39]) }),
    owner: field('string'),
  },
)

describeDatabases('createSchema', (open) => {
  async function migrated() {
    const database = await open()
    const db = database.connect<AnyTables>()
    const schema = createSchema({ db, dialect: database.dialect, types: [Station] })
    await schema.migrate()
    return {
      dialect: database.dialect,
      db,
      schema,
      database,
      [Symbol.asyncDispose]: () => database[Symbol.asyncDispose](),
    }
  }

  test('creates every table, and has nothing to do after that', async () => {
    await using database = await open()
    const schema = createSchema({ db: database.connect(), dialect: database.dialect, types: [Station] })
    const plan = await schema.plan()
    expect(plan.steps.map(({ kind, table }) => `${kind} ${table}`)).toEqual([
      'createTable devicehub_schema',
      ...(database.dialect === 'mysql' ? ['createTable devicehub_log_gate'] : []),
      'createTable devicehub_lease',
      'createTable devicehub_consumer',
      'createTable devicehub_consumer_failure',
      'createTable devicehub_command',
      'createTable devicehub_twin',
      'createTable devicehub_credential',
      'createTable devicehub_access',
      'createTable devicehub_claim_key',
      'createTable devicehub_claim',
      'createTable devicehub_label',
      'createTable devicehub_message',
      'createTable station_device',
      'createTable station_reading',
      'createTable station_latest',
      'createTable station_message',
    ])
    expect(await schema.migrate()).toEqual(plan)
    expect(await schema.plan()).toEqual({ steps: [] })
    expect(await schema.migrate()).toEqual({ steps: [] })
    expect(await schema.plan({ allowDestructive: true })).toEqual({ steps: [] })
  })

  test('a database from before leases and consumers gets their tables; what it holds stays', async () => {
    await using opened = await migrated()
    const { db, dialect, schema } = opened
    await insert(db, 'devicehub_message', messageRow(dialect, {}))
    const later = [
      'lease',
      'consumer',
      'consumer_failure',
      'command',
      'twin',
      'credential',
      'access',
      'claim_key',
      'claim',
      'label',
    ]
    for (const name of later.map((table) => `devicehub_${table}`)) {
      await db.schema.dropTable(name).execute()
      await db.deleteFrom('devicehub_schema').where('table_name', '=', name).execute()
    }
    const { steps } = await schema.migrate()
    expect(steps.map(({ kind, table }) => `${kind} ${table}`)).toEqual([
      'createTable devicehub_lease',
      'createTable devicehub_consumer',
      'createTable devicehub_consumer_failure',
      'createTable devicehub_command',
      'createTable devicehub_twin',
      'createTable devicehub_credential',
      'createTable devicehub_access',
      'createTable devicehub_claim_key',
      'createTable devicehub_claim',
      'createTable devicehub_label',
    ])
    expect(await schema.plan({ allowDestructive: true })).toEqual({ steps: [] })
    expect(await rowsOf(db, 'devicehub_message')).toHaveLength(1)
  })

  test('every kind of reading keeps its value', async () => {
    await using opened = await migrated()
    const { db, dialect } = opened
    const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`
    const values = {
      temperature: -1.7976931348623157e308,
      raining: dialect === 'postgres' ? true : 1,
      note: '😀'.repeat(20),
      essay: 'é'.repeat(70_000),
      sky: 'clear',
      calibrated_at: time(dialect, 1_234_567_890_123),
      extra: deep,
      photo: Buffer.from([0, 1, 255]),
      place: '{"lat":1.5,"lon":-2}',
    }
    await insert(db, 'station_reading', readingRow(dialect, { ...values, count: Number.MAX_SAFE_INTEGER }))
    const [row] = await rowsOf(db, 'station_reading')
    expect(row).toMatchObject(values)
    expect(Number(row?.count)).toBe(Number.MAX_SAFE_INTEGER)
    expect(row).toMatchObject({ timestamp: time(dialect, 1_700_000_000_123), sample_id: null, flags: null })
  })

  test('a device row has the declared defaults', async () => {
    await using opened = await migrated()
    const { db, dialect } = opened
    await insert(db, 'station_device', deviceRow(dialect))
    expect(await rowsOf(db, 'station_device')).toMatchObject([
      {
        status: 'offline',
        is_active: dialect === 'postgres' ? true : 1,
        metadata: '{}',
        mode: "it's \\ on",
        gain: 1.5,
        armed: dialect === 'postgres' ? true : 1,
        limits: '{"high":["a\'b"]}',
        serviced_at: time(dialect, 1_600_000_000_789),
        seed: Buffer.from([0, 255, 39]),
        owner: null,
      },
    ])
  })

  test('an audit row admits whatever a client can send', async () => {
    await using opened = await migrated()
    const { db, dialect } = opened
    const values = {
      topic: `things/${'x'.repeat(65_000)}`,
      content_type: 'c'.repeat(65_535),
      correlation_id: 'ü'.repeat(30_000),
      payload_json: `{"a":"\\u0000 \\ud800","b":1e400,"b":${'[1,'.repeat(50_000)}0${']'.repeat(50_000)},"c":"${'x'.repeat(1_000_000)}"}`,
    }
    await insert(db, 'station_message', messageRow(dialect, values))
    const bytes = Buffer.alloc(1_000_000, '\0\xff')
    await insert(db, 'devicehub_message', messageRow(dialect, { payload_raw: bytes }))
    expect(await rowsOf(db, 'station_message')).toMatchObject([values])
    const [unrouted] = await rowsOf(db, 'devicehub_message')
    expect(bytes.equals(unrouted?.payload_raw as Buffer)).toBe(true)
  })

  test('invariant 2: a sample is unique by its id, else by time and content, per device', async () => {
    await using opened = await migrated()
    const { db, dialect } = opened
    const add = (values: Record<string, unknown>) =>
      insert(db, 'station_reading', readingRow(dialect, values))
    await add({ sample_id: 'a' })
    await add({ sample_id: 'a', device_id: 'd2' })
    await expect(add({ sample_id: 'a' })).rejects.toThrow()
    await expect(add({ sample_id: 'a', timestamp: time(dialect, 1) })).rejects.toThrow()
    await add({ content_hash: 7 })
    await add({ content_hash: 8 })
    await add({ content_hash: 7, timestamp: time(dialect, 1) })
    await expect(add({ content_hash: 7 })).rejects.toThrow()
    // With neither id nor hash nothing is a duplicate.
    await add({})
    await add({})
    expect(await rowsOf(db, 'station_reading')).toHaveLength(7)
  })

  test('ids differ by case, by accent and by a trailing space', async () => {
    await using opened = await migrated()
    const { db, dialect } = opened
    const ids = ['abc', 'ABC', 'äbc', 'abc ']
    await insert(db, 'station_device', ...ids.map((device_id) => deviceRow(dialect, { device_id })))
    await insert(db, 'station_reading', ...ids.map((sample_id) => readingRow(dialect, { sample_id })))
    const found = await db.selectFrom('station_device').selectAll().where('device_id', '=', 'abc').execute()
    expect(found).toHaveLength(1)
    expect(await rowsOf(db, 'station_reading')).toHaveLength(4)
  })

  test('devices are unique by id and user name; many have none of the latter', async () => {
    await using opened = await migrated()
    const { db, dialect } = opened
    const add = (values: Record<string, unknown>) => insert(db, 'station_device', deviceRow(dialect, values))
    await add({ device_id: 'a', mqtt_username: 'u' })
    await add({ device_id: 'b' })
    await add({ device_id: 'c' })
    await expect(add({ device_id: 'a' })).rejects.toThrow()
    await expect(add({ device_id: 'd', mqtt_username: 'u' })).rejects.toThrow()
  })

  test('the number of a deleted message is never given again', async () => {
    await using opened = await migrated()
    const { db, dialect } = opened
    await insert(db, 'station_message', messageRow(dialect), messageRow(dialect))
    const [, last] = await rowsOf(db, 'station_message')
    await db.deleteFrom('station_message').execute()
    await insert(db, 'station_message', messageRow(dialect))
    const [next] = await rowsOf(db, 'station_message')
    expect(Number(next?.id)).toBeGreaterThan(Number(last?.id))
  })

  test('messages are indexed by device and readings by time only when asked for', async () => {
    await using opened = await migrated()
    const { database, dialect } = opened
    const indexed = createSchema({
      db: database.connect(),
      dialect,
      types: [Station],
      options: { indexMessagesByDevice: true, indexReadingsByTime: true },
    })
    expect((await indexed.migrate()).steps.map(({ kind, table }) => `${kind} ${table}`)).toEqual([
      'addIndex devicehub_message',
      'addIndex station_reading',
      'addIndex station_message',
    ])
    expect(await indexed.plan()).toEqual({ steps: [] })
  })

  test('a plugin that changes the case of names does not reach our tables', async () => {
    const { CamelCasePlugin } = await import('kysely')
    await using database = await open()
    const db = database.connect<AnyTables>()
    const schema = createSchema({
      db: db.withPlugin(new CamelCasePlugin()),
      dialect: database.dialect,
      types: [Station],
    })
    await schema.migrate()
    expect(await schema.plan()).toEqual({ steps: [] })
    await insert(db, 'station_reading', readingRow(database.dialect))
  })

  test('a table of the same name that is not ours is refused', async () => {
    await using database = await open()
    const db = database.connect<AnyTables>()
    await sql`create table station_device (id integer primary key, colour varchar(10))`.execute(db)
    const schema = createSchema({ db, dialect: database.dialect, types: [Station] })
    await expect(schema.migrate()).rejects.toMatchObject({
      code: 'schema_refused',
      message: expect.stringContaining('station_device exists but was not made for this device type'),
    })
  })
})

test('a database that is away is storage_unavailable, for planning and migrating', async () => {
  const db = new Kysely({
    dialect: new PostgresDialect({ pool: new pg.Pool({ host: '127.0.0.1', port: 1 }) }),
  })
  const schema = createSchema({ db, dialect: 'postgres', types: [Station] })
  await expect(schema.plan()).rejects.toMatchObject({ code: 'storage_unavailable' })
  await expect(schema.migrate()).rejects.toMatchObject({ code: 'storage_unavailable' })
  await db.destroy()
})
