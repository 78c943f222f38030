import type { Duration } from '@devicehub/core'
import { DeviceHubError } from '@devicehub/core'
import { parseDuration } from '@devicehub/core/check'
import type { SchemaStep } from '@devicehub/core/storage'
import { type QueryExecutorProvider, sql } from 'kysely'
import type { TimescaleOptions } from './schema-options.js'
import type { TableModel } from './table-model.js'

const DEFAULT_CHUNK_INTERVAL = 7 * 86_400

/** As PostgreSQL writes an interval, of a duration that was checked. */
function intervalOf(given: Duration): string {
  const seconds = Number(parseDuration(given)) / 1000
  return seconds % 86_400 === 0 ? `${seconds / 86_400} days` : `${seconds} seconds`
}

const intervalOrNull = (given: Duration | null | undefined): string | null =>
  given === undefined || given === null ? null : intervalOf(given)

interface Hypertable {
  readonly sameChunkInterval: boolean
  readonly compression: boolean
  /** Null: there is no such policy. */
  readonly sameRetention: boolean | null
  readonly sameCompressAfter: boolean | null
}

export interface TimescaleState {
  readonly installed: boolean
  /** Where the extension's functions are, or will be. */
  readonly schema: string
  readonly hypertables: ReadonlyMap<string, Hypertable>
}

/** What TimescaleDB knows of the schema the connection works in. */
export async function introspectTimescale(
  db: QueryExecutorProvider,
  options: TimescaleOptions,
): Promise<TimescaleState> {
  const { rows } = await sql<{ installed: boolean; available: boolean; schema: string }>`
    select e.oid is not null as installed,
      exists (select from pg_available_extensions where name = 'timescaledb') as available,
      coalesce(e.extnamespace::regnamespace::text, quote_ident(current_schema())) as schema
    from (select 1) as one left join pg_extension e on e.extname = 'timescaledb'`.execute(db)
  const { installed, available, schema } = rows[0] as {
    installed: boolean
    available: boolean
    schema: string
  }
  if (!installed && !available) {
    throw new DeviceHubError(
      'missing_dependency',
      'The option `timescale` needs the extension timescaledb, which this PostgreSQL server does not have: install ' +
        'TimescaleDB on the server, add it to shared_preload_libraries and restart (https://docs.timescale.com), or leave the option out',
    )
  }
  if (!installed) return { installed, schema, hypertables: new Map() }
  const chunk = intervalOf(options.chunkInterval ?? DEFAULT_CHUNK_INTERVAL)
  const found = await sql<{
    name: string
    same_chunk: boolean
    compression: boolean
    same_retention: boolean | null
    same_compress: boolean | null
  }>`
    select h.hypertable_name as name, h.compression_enabled as compression,
      d.time_interval = ${chunk}::interval as same_chunk,
      (r.config ->> 'drop_after')::interval = coalesce(${intervalOrNull(options.retention)}::interval, interval '-1 second') as same_retention,
      (c.config ->> 'compress_after')::interval = coalesce(${intervalOrNull(options.compressAfter)}::interval, interval '-1 second') as same_compress
    from timescaledb_information.hypertables h
      join timescaledb_information.dimensions d on d.hypertable_schema = h.hypertable_schema
        and d.hypertable_name = h.hypertable_name and d.dimension_number = 1
      left join timescaledb_information.jobs r on r.hypertable_schema = h.hypertable_schema
        and r.hypertable_name = h.hypertable_name and r.proc_name = 'policy_retention'
      left join timescaledb_information.jobs c on c.hypertable_schema = h.hypertable_schema
        and c.hypertable_name = h.hypertable_name and c.proc_name = 'policy_compression'
    where h.hypertable_schema = current_schema()`.execute(db)
  return {
    installed,
    schema,
    hypertables: new Map(
      found.rows.map((row) => [
        row.name,
        {
          sameChunkInterval: row.same_chunk,
          compression: row.compression,
          sameRetention: row.same_retention,
          sameCompressAfter: row.same_compress,
        },
      ]),
    ),
  }
}

/** The names of these tables that are hypertables; empty where the extension is not in the database. */
export async function hypertablesAmong(
  db: QueryExecutorProvider,
  names: readonly string[],
): Promise<readonly string[]> {
  const extension = await sql`select from pg_extension where extname = 'timescaledb'`.execute(db)
  if (extension.rows.length === 0) return []
  const { rows } = await sql<{ name: string }>`
    select hypertable_name as name from timescaledb_information.hypertables
    where hypertable_schema = current_schema() and hypertable_name in (${sql.join(names)})`.execute(db)
  return rows.map((row) => row.name)
}

/** The steps from a table, which exists by then, to the hypertable that is declared. */
export function planHypertable(table: TableModel, state: TimescaleState): SchemaStep[] {
  const options = table.hypertable ?? {}
  const held = state.hypertables.get(table.name)
  const chunk = intervalOf(options.chunkInterval ?? DEFAULT_CHUNK_INTERVAL)
  const relation = `'"${table.name}"'`
  const call = (name: string, ...args: string[]) =>
    `select ${state.schema}.${name}(${[relation, ...args].join(', ')})`
  const step = (description: string, ...statements: string[]): SchemaStep => ({
    kind: 'other',
    table: table.name,
    description,
    destructive: false,
    sql: statements,
  })
  const steps: SchemaStep[] = []

  if (!held) {
    const create = call(
      'create_hypertable',
      "'timestamp'",
      `chunk_time_interval => interval '${chunk}'`,
      'create_default_indexes => false',
      'migrate_data => true',
    )
    steps.push(step(`Make ${table.name} a hypertable with chunks of ${chunk}`, create))
  } else if (!held.sameChunkInterval) {
    steps.push(
      step(
        `Let new chunks of ${table.name} span ${chunk}`,
        call('set_chunk_time_interval', `interval '${chunk}'`),
      ),
    )
  }

  const policy = (
    name: 'retention' | 'compression',
    kept: Duration | null | undefined,
    same: boolean | null,
    what: string,
    ...before: string[]
  ) => {
    const after = intervalOrNull(kept)
    if (kept === undefined || same === true || (after === null && same === null)) return
    const remove = same === null ? [] : [call(`remove_${name}_policy`)]
    if (after === null) {
      steps.push(step(`Stop ${what} of ${table.name}`, ...remove))
      return
    }
    const argument = name === 'retention' ? 'drop_after' : 'compress_after'
    steps.push(
      step(
        `Start ${what} of ${table.name} older than ${after}`,
        ...before,
        ...remove,
        call(`add_${name}_policy`, `${argument} => interval '${after}'`),
      ),
    )
  }
  policy('retention', options.retention, held?.sameRetention ?? null, 'dropping chunks')
  const compress = `alter table "${table.name}" set (timescaledb.compress, timescaledb.compress_segmentby = 'device_id', timescaledb.compress_orderby = 'timestamp desc')`
  policy(
    'compression',
    options.compressAfter,
    held?.sameCompressAfter ?? null,
    'compressing chunks',
    ...(held?.compression ? [] : [compress]),
  )
  return steps
}
