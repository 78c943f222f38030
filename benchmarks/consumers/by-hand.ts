import Database from 'better-sqlite3'
import pg from 'pg'
import type { Target } from '../ingest/database.js'

/** What both handlers do with a message: read what the device sent. */
export const workOn = (payload: unknown): number => (payload as { readonly pressure: number }).pressure

/**
 * The loop one writes first: the next rows behind the cursor, the work, the cursor moved; one statement each, and on
 * SQLite in this thread. It knows nothing of commits that come late, of a second process or of a message that fails.
 */
export const followByHand = (target: Target, count: number, batch: number): Promise<number> =>
  target.kind === 'sqlite' ? onSqlite(target.file, count, batch) : onPostgres(target.url, count, batch)

async function onSqlite(file: string, count: number, batch: number): Promise<number> {
  const db = new Database(file)
  db.pragma('journal_mode = wal')
  db.pragma('synchronous = full')
  db.exec('create table if not exists by_hand (name text primary key, position integer not null)')
  db.exec("insert into by_hand values ('billing', 0)")
  const select = db.prepare<[number], Row>(
    `select * from station_message where id > ? order by id limit ${batch}`,
  )
  const update = db.prepare("update by_hand set position = ? where name = 'billing'")
  let sum = 0
  for (let seen = 0, position = 0; seen < count; ) {
    const rows = select.all(position)
    for (const { payload_json } of rows) sum += workOn(JSON.parse(payload_json))
    position = Number(rows.at(-1)?.id)
    update.run(position)
    seen += rows.length
    // As anybody must who shares the process with something else.
    await new Promise((resolve) => setImmediate(resolve))
  }
  db.close()
  return sum
}

async function onPostgres(connectionString: string, count: number, batch: number): Promise<number> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  await client.query('create table if not exists by_hand (name text primary key, position bigint not null)')
  await client.query("insert into by_hand values ('billing', 0)")
  let sum = 0
  for (let seen = 0, position: string | number = 0; seen < count; ) {
    const { rows }: { rows: Row[] } = await client.query<Row>({
      name: 'next',
      text: `select * from station_message where id > $1 order by id limit ${batch}`,
      values: [position],
    })
    for (const { payload_json } of rows) sum += workOn(JSON.parse(payload_json))
    position = rows.at(-1)?.id ?? position
    await client.query({
      name: 'move',
      text: "update by_hand set position = $1 where name = 'billing'",
      values: [position],
    })
    seen += rows.length
  }
  await client.end()
  return sum
}

interface Row {
  readonly id: string | number
  readonly payload_json: string
}
