import type { Kysely } from 'kysely'
import { CompiledQuery } from 'kysely'
import { FROM, MEASURING, SITES, type Sizes, TO } from './fleet.js'

export type Dialect = 'sqlite' | 'postgres'

/** Fills the tables inside of the database: devices with four labels each, readings in the order of their times, messages. */
export async function load(
  db: Kysely<unknown>,
  dialect: Dialect,
  { readings, messages, devices }: Sizes,
): Promise<void> {
  const run = (text: string) => db.executeQuery(CompiledQuery.raw(text))
  const isSqlite = dialect === 'sqlite'
  const count = (to: number) =>
    isSqlite
      ? `(with recursive n(i) as (select 0 union all select i + 1 from n where i < ${to - 1}) select i from n)`
      : `generate_series(0::bigint, ${to - 1})`
  const from = (to: number) => `from ${count(to)} as n${isSqlite ? '' : '(i)'}`
  const time = (milliseconds: string) =>
    isSqlite ? `cast(${milliseconds} as integer)` : `to_timestamp((${milliseconds})::float8 / 1000)`
  const bool = (value: boolean) => (isSqlite ? String(Number(value)) : String(value))
  const id = (index: string) =>
    isSqlite ? `printf('station-%06d', ${index})` : `'station-' || lpad((${index})::text, 6, '0')`
  // Multiplied, so that neighbours differ.
  const labels = `'{"site":"s' || (i * 7 % ${SITES}) || '","model":"m' || (i * 3 % 10) || '","floor":"f' || (i * 11 % 20) || '","tier":"t' || (i % 3) || '"}'`
  const now = time(String(TO))

  await run(`insert into station_device (device_id, name, status, is_active, battery_level, last_seen, metadata, labels,
      created_at, updated_at, mode)
    select ${id('i')}, 'Station ' || i, case when i % 10 = 0 then 'offline' else 'online' end, ${bool(true)}, (i / 200 * 37 + i) % 1000 / 10.0,
      ${time(`${TO} - i * 100`)}, '{}', ${labels}, ${time(`${TO} - (i * 7919) % 31536000 * 1000.0`)}, ${now},
      case when (i / 200 * 13 + i) % 4 = 0 then 'eco' else 'full' end ${from(devices)}`)
  await run(`insert into devicehub_label (type_key, device_id, label, value) select 'station', d.device_id, l.key, l.value
    from station_device as d, ${isSqlite ? 'json_each(d.labels)' : 'json_each_text(d.labels::json)'} as l`)

  const step = (TO - FROM) / readings
  const measured = time(`${FROM} + i * ${step}`)
  const ofReading = `case when i % 10 < 3 then 0 else 1 + i * 7 % ${MEASURING - 1} end`
  await run(`insert into station_reading (device_id, timestamp, received_at, content_hash, temperature, humidity, pressure)
    select ${id(ofReading)}, ${measured}, ${measured}, i, i * 7919.0 / 13 - floor(i * 7919.0 / 13), 50 + i % 30, 100000 + i % 97
    ${from(readings)}`)
  const received = time(`${FROM} + i * ${(TO - FROM) / messages}`)
  await run(`insert into station_message (device_id, channel, direction, topic, payload_json, source, qos, redelivered,
      retained, processing_status, received_at, processed_at)
    select ${id(`i * 7 % ${MEASURING}`)}, 'data', 'in', 'things/station/data', '{"temperature":21.5,"humidity":50,"pressure":100000}', 'bench',
      1, ${bool(false)}, ${bool(false)}, 'processed', ${received}, ${received} ${from(messages)}`)
  // Filled by the next migration, out of the readings.
  await run('drop table station_latest')
}
