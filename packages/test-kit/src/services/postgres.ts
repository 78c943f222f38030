import { join } from 'node:path'
import { DeviceHubError } from '@devicehub/core'
import * as check from '@devicehub/core/check'
import { settings as settingsRule } from '../option-rules.js'
import type { DatabaseService, TestDatabase } from './database-service.js'
import { findPostgresPrograms, requireProgram } from './find-program.js'
import { SERVICE_OPTIONS, type ServiceOptions, startService } from './managed-service.js'
import { INSTALL } from './programs.js'
import { randomName } from './random-name.js'
import { unprivilegedUser } from './run-as.js'
import { runCommand } from './run-command.js'
import { copyTemplate } from './template-folder.js'

/** Options of `startPostgres`. */
export interface PostgresOptions extends ServiceOptions {
  /** Server settings by name. Commits are durable by default (`fsync`, `synchronous_commit`), as in production. */
  readonly settings?: Readonly<Record<string, string | number | boolean>>
}

const OPTIONS = check.options<PostgresOptions>({ ...SERVICE_OPTIONS, settings: settingsRule })

/** A running PostgreSQL. Its `url` is `postgres://postgres@127.0.0.1:<port>/postgres`. */
export type PostgresService = DatabaseService

/**
 * Starts the newest installed PostgreSQL: user `postgres` without a password, on loopback, UTF-8.
 * `missing_dependency` when it is not installed.
 *
 * @example
 * import { startPostgres } from '@devicehub/test-kit'
 *
 * await using server = await startPostgres({ settings: { max_connections: 20 } })
 * const { url } = await server.createDatabase()
 */
export async function startPostgres(given: PostgresOptions = {}): Promise<PostgresService> {
  const options = check.accept('startPostgres', 'options', OPTIONS, given)
  const psql = requireProgram('postgres', 'psql')
  const programs = findPostgresPrograms()
  if (programs === undefined)
    throw new DeviceHubError('missing_dependency', `PostgreSQL is not installed: ${INSTALL.postgres}`)
  const runAs = unprivilegedUser('postgres')
  const settings = {
    listen_addresses: '127.0.0.1',
    unix_socket_directories: '',
    max_connections: 200,
    shared_buffers: '64MB',
    max_wal_size: '512MB',
    ...options.settings,
  }

  const service = await startService({
    name: 'postgres',
    port: options.port,
    runAs,
    // Fast shutdown: SIGTERM would wait for clients to leave.
    stopSignal: 'SIGINT',
    prepare: async ({ folder }) => {
      const version = /\d+/.exec(await runCommand(join(programs, 'postgres'), ['--version']))?.[0]
      const create = async (target: string) => {
        const args = [
          '-D',
          target,
          '-U',
          'postgres',
          '--auth=trust',
          '--encoding=UTF8',
          '--no-locale',
          '--no-sync',
        ]
        await runCommand(join(programs, 'initdb'), args, { runAs, cwd: target })
      }
      await copyTemplate({ name: `postgres-${version}`, runAs, create }, join(folder, 'data'))
    },
    command: ({ folder, port }) => ({
      file: join(programs, 'postgres'),
      args: [
        '-D',
        join(folder, 'data'),
        '-p',
        String(port),
        ...Object.entries(settings).flatMap(([name, value]) => ['-c', `${name}=${value}`]),
      ],
    }),
    ready: ({ port }) =>
      runCommand(join(programs, 'pg_isready'), ['-q', '-h', '127.0.0.1', '-p', String(port)]),
    url: ({ port }) => `postgres://postgres@127.0.0.1:${port}/postgres`,
  })

  const client = ['-X', '-q', '-A', '-t', '-F', '\t', '-v', 'ON_ERROR_STOP=1', '-U', 'postgres']
  const sql = async (query: string, database = 'postgres') => {
    const target = ['-h', '127.0.0.1', '-p', String(service.port), '-d', database]
    return (await runCommand(psql, [...client, ...target], { input: query })).replace(/\n$/, '')
  }

  const createDatabase = async (): Promise<TestDatabase> => {
    const name = randomName('test')
    await sql(`CREATE DATABASE ${name}`)
    return {
      name,
      url: `postgres://postgres@127.0.0.1:${service.port}/${name}`,
      drop: async () => void (await sql(`DROP DATABASE IF EXISTS ${name} WITH (FORCE)`)),
    }
  }

  return Object.assign(service, { user: 'postgres', sql, createDatabase })
}

const POSTGRES = check.port<PostgresService>('a service of startPostgres()', 'sql')

/** Whether an extension such as `timescaledb` is available on the server, created in a database or not. */
export async function hasExtension(
  postgres: Pick<PostgresService, 'sql'>,
  extension: string,
): Promise<boolean> {
  check.accept('hasExtension', 'postgres', POSTGRES, postgres)
  check.accept('hasExtension', 'extension', check.text(), extension)
  const literal = `'${extension.replaceAll("'", "''")}'`
  return (await postgres.sql(`SELECT count(*) FROM pg_available_extensions WHERE name = ${literal}`)) === '1'
}
