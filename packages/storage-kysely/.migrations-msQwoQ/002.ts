import { type Kysely, sql } from 'kysely'

export async function up(db: Kysely<unknown>): Promise<void> {
  // Add station_reading.b, text
  await sql.raw(`alter table "station_reading" add column "b" text null`).execute(db)

  // Change station_reading.a from double precision to bigint: fractions are rounded (destructive)
  await sql.raw(`alter table "station_reading" alter column "a" type bigint using "a"::bigint`).execute(db)
}
