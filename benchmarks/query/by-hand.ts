import { CompiledQuery, type Kysely } from 'kysely'
import { berlinDays } from './berlin-days.js'
import { FROM, TO } from './fleet.js'
import type { Dialect } from './load.js'
import { shapeOf } from './shape-by-hand.js'

type Rows = Promise<readonly Readonly<Record<string, unknown>>[]>

/** The same questions, as one writes them who knows the database and these tables; rows as the driver gives them. */
export interface Ask {
  latest(ids: readonly string[]): Rows
  lastValues(ids: readonly string[]): Rows
  newestOf(id: string): Rows
  newest(): Rows
  page(site: string): Rows
  count(site: string): Rows
  overview(): Promise<unknown>
  dayByMinute(id: string, from: number): Rows
  yearByDay(id: string): Rows
  fleetByDay(ids: readonly string[]): Rows
  points(id: string): Rows
  shape(id: string): Promise<unknown>
  messages(id: string): Rows
}

const DAY = 86_400_000
const FIGURES = 'avg(temperature), min(temperature), max(temperature)'
const SILENT = TO - 3_600_000

const ofSite = (
  site: string,
) => `from station_device as d join devicehub_label as l on l.type_key = 'station' and l.label = 'site'
  and l.value = ${site} and l.device_id = d.device_id where d.battery_level < 50 and d.mode = 'eco'`
const kinds = (
  time: string,
  yes: string,
) => `select status, count(*), sum(case when is_active <> ${yes} then 1 else 0 end),
  sum(case when is_active = ${yes} and last_seen < ${time} then 1 else 0 end),
  sum(case when is_active = ${yes} and last_seen is null then 1 else 0 end),
  sum(case when is_active = ${yes} and battery_level < 20 then 1 else 0 end) from station_device group by status`
const sites = `select value, count(*) from devicehub_label where type_key = 'station' and label = 'site'
  group by value order by 2 desc limit 100`

export function byHand(db: Kysely<unknown>, dialect: Dialect): Ask {
  const run = async (text: string, ...parameters: unknown[]): Rows =>
    (await db.executeQuery<Readonly<Record<string, unknown>>>(CompiledQuery.raw(text, parameters))).rows
  return dialect === 'postgres' ? onPostgres(run) : onSqlite(run)
}

type Run = (text: string, ...parameters: unknown[]) => Rows

const onPostgres = (run: Run): Ask => {
  const at = (milliseconds: number) => `to_timestamp(${milliseconds / 1000})`
  const year = `timestamp >= ${at(FROM)} and timestamp < ${at(TO)}`
  const epoch = 'extract(epoch from timestamp)::float8'
  return {
    latest: (ids) =>
      run(
        `select r.* from unnest($1::text[]) as v(id) cross join lateral
          (select * from station_reading where device_id = v.id order by timestamp desc, id desc limit 1) as r`,
        ids,
      ),
    lastValues: (ids) => run('select * from station_latest where device_id = any($1::text[])', ids),
    newestOf: (id) =>
      run(
        'select * from station_reading where device_id = $1 order by timestamp desc, id desc limit 101',
        id,
      ),
    newest: () => run('select * from station_reading order by timestamp desc, id desc limit 101'),
    page: (site) =>
      run(`select d.* ${ofSite('$1')} order by d.battery_level desc, d.device_id limit 51`, site),
    count: (site) => run(`select count(*) ${ofSite('$1')}`, site),
    overview: async () => [await run(kinds(at(SILENT), 'true')), await run(sites)],
    dayByMinute: (id, from) =>
      run(
        `select date_trunc('minute', timestamp), ${FIGURES} from station_reading
          where device_id = $1 and timestamp >= ${at(from)} and timestamp < ${at(from + DAY)} group by 1`,
        id,
      ),
    yearByDay(id) {
      const days = berlinDays().map(([start, end], day) => `(${day}, ${at(start)}, ${at(end)})`)
      return run(
        `select d.day, x.* from (values ${days.join(', ')}) as d(day, start, till) cross join lateral (select ${FIGURES}
          from station_reading where device_id = $1 and timestamp >= d.start and timestamp < d.till) as x`,
        id,
      )
    },
    fleetByDay: (ids) =>
      run(
        `select floor((${epoch} + case ${summer(at)} else 3600 end) / 86400), ${FIGURES} from station_reading
          where device_id = any($1::text[]) and ${year} group by 1`,
        ids,
      ),
    points: (id) =>
      run(
        `select floor(${epoch} / 43200), ${FIGURES} from station_reading where device_id = $1 and ${year} group by 1`,
        id,
      ),
    shape: async (id) =>
      shapeOf(
        await run(
          `select ${epoch} * 1000 as at, temperature as value from station_reading
            where device_id = $1 and ${year} order by timestamp`,
          id,
        ),
      ),
    messages: (id) => run('select * from station_message where device_id = $1 order by id desc limit 51', id),
  }
}

const onSqlite = (run: Run): Ask => {
  const year = `timestamp >= ${FROM} and timestamp < ${TO}`
  return {
    latest: (ids) =>
      run(
        `select r.* from json_each(?) as v join station_reading as r on r.id = (select id from station_reading
          where device_id = v.value order by timestamp desc, id desc limit 1)`,
        JSON.stringify(ids),
      ),
    lastValues: (ids) =>
      run(
        'select * from station_latest where device_id in (select value from json_each(?))',
        JSON.stringify(ids),
      ),
    newestOf: (id) =>
      run('select * from station_reading where device_id = ? order by timestamp desc, id desc limit 101', id),
    newest: () => run('select * from station_reading order by timestamp desc, id desc limit 101'),
    page: (site) =>
      run(`select d.* ${ofSite('?')} order by d.battery_level desc, d.device_id limit 51`, site),
    count: (site) => run(`select count(*) ${ofSite('?')}`, site),
    overview: async () => [await run(kinds(String(SILENT), '1')), await run(sites)],
    dayByMinute: (id, from) =>
      run(
        `select timestamp / 60000, ${FIGURES} from station_reading
          where device_id = ? and timestamp >= ${from} and timestamp < ${from + DAY} group by 1`,
        id,
      ),
    yearByDay(id) {
      const days = berlinDays().map(
        ([start, end], day) => `select ${day}, ${FIGURES} from station_reading
          where device_id = '${id}' and timestamp >= ${start} and timestamp < ${end}`,
      )
      return run(days.join(' union all '))
    },
    fleetByDay: (ids) =>
      run(
        `select (timestamp + case ${summer(String)} else 3600 end * 1000) / 86400000, ${FIGURES} from station_reading
          where +device_id in (select value from json_each(?)) and ${year} group by 1`,
        JSON.stringify(ids),
      ),
    points: (id) =>
      run(
        `select timestamp / 43200000, ${FIGURES} from station_reading where device_id = ? and ${year} group by 1`,
        id,
      ),
    shape: async (id) =>
      shapeOf(
        await run(
          `select timestamp as at, temperature as value from station_reading
            where device_id = ? and ${year} order by timestamp`,
          id,
        ),
      ),
    messages: (id) => run('select * from station_message where device_id = ? order by id desc limit 51', id),
  }
}

/** Stretches of the year in which Berlin is two hours before UTC. */
function summer(at: (milliseconds: number) => string): string {
  const days = berlinDays()
  const odd = days.filter(([start, end]) => end - start !== DAY && start > FROM && end < TO)
  const cases = odd.map(([start, end]) =>
    end - start < DAY ? `when timestamp >= ${at(start)} then 7200` : `when timestamp >= ${at(end)} then 3600`,
  )
  const startsInSummer = (odd[0]?.[1] ?? 0) - (odd[0]?.[0] ?? 0) > DAY
  return [...cases.reverse(), ...(startsInSummer ? ['when 1 = 1 then 7200'] : ['when 1 = 0 then 0'])].join(
    ' ',
  )
}
