import { join } from 'node:path'
import * as check from '@devicehub/core/check'
import { settings as settingsRule } from '../option-rules.js'
import type { DatabaseService, TestDatabase } from './database-service.js'
import { requireProgram } from './find-program.js'
import { SERVICE_OPTIONS, type ServiceOptions, startService } from './managed-service.js'
import { randomName } from './random-name.js'
import { unprivilegedUser } from './run-as.js'
import { runCommand } from './run-command.js'
import { copyTemplate } from './template-folder.js'

/** Options of `startMariadb`. */
export interface MariadbOptions extends ServiceOptions {
  /** Server settings by name, such as `innodb_lock_wait_timeout`. Commits are durable by default, as in production. */
  readonly settings?: Readonly<Record<string, string | number>>
}

const OPTIONS = check.options<MariadbOptions>({
  ...SERVICE_OPTIONS,
  settings: settingsRule as check.OptionalRule<MariadbOptions['settings']>,
})

/** A running MariaDB. Its `url` is `mysql://root@127.0.0.1:<port>/mysql`. */
export type MariadbService = DatabaseService

/**
 * Starts the installed MariaDB: user `root` without a password, on loopback, utf8mb4. `missing_dependency` when one
 * of its programs is not installed.
 *
 * @example
 * import { startMariadb } from '@devicehub/test-kit'
 *
 * await using server = await startMariadb({ settings: { innodb_lock_wait_timeout: 2 } })
 * const { url } = await server.createDatabase()
 */
export async function startMariadb(given: MariadbOptions = {}): Promise<MariadbService> {
  const options = check.accept('startMariadb', 'options', OPTIONS, given)
  const server = requireProgram('mariadb', 'mariadbd', 'mysqld')
  const installer = requireProgram('mariadb', 'mariadb-install-db', 'mysql_install_db')
  const admin = requireProgram('mariadb', 'mariadb-admin', 'mysqladmin')
  const client = requireProgram('mariadb', 'mariadb', 'mysql')
  const runAs = unprivilegedUser('mysql')
  const settings = {
    bind_address: '127.0.0.1',
    character_set_server: 'utf8mb4',
    innodb_buffer_pool_size: '64M',
    innodb_log_file_size: '48M',
    max_connections: 200,
    ...options.settings,
  }

  const service = await startService({
    name: 'mariadb',
    port: options.port,
    runAs,
    prepare: async ({ folder }) => {
      const version = /Ver (\S+)/.exec(await runCommand(server, ['--no-defaults', '--version']))?.[1]
      const create = async (target: string) => {
        const args = ['--no-defaults', `--datadir=${target}`, '--auth-root-authentication-method=normal']
        await runCommand(installer, [...args, '--skip-test-db', '--innodb-log-file-size=48M'], {
          runAs,
          cwd: target,
        })
      }
      await copyTemplate({ name: `mariadb-${version}`, runAs, create }, join(folder, 'data'))
    },
    command: ({ folder, port }) => ({
      file: server,
      args: [
        // Must be the first: a machine's own configuration must not reach a private server.
        '--no-defaults',
        `--datadir=${join(folder, 'data')}`,
        `--socket=${join(folder, 'socket')}`,
        // Two servers side by side would delete each other's temporary tables in a common folder.
        `--tmpdir=${folder}`,
        `--pid-file=${join(folder, 'server.pid')}`,
        `--port=${port}`,
        '--skip-name-resolve',
        ...Object.entries(settings).map(([name, value]) => `--${name}=${value}`),
      ],
    }),
    ready: ({ port }) => runCommand(admin, ['--no-defaults', ...address(port), 'ping']),
    url: ({ port }) => `mysql://root@127.0.0.1:${port}/mysql`,
  })

  const sql = async (query: string, database = 'mysql') => {
    const args = ['--no-defaults', ...address(service.port), '--batch', '--skip-column-names', database]
    return (await runCommand(client, args, { input: query })).replace(/\n$/, '')
  }

  const createDatabase = async (): Promise<TestDatabase> => {
    const name = randomName('test')
    await sql(`CREATE DATABASE ${name}`)
    return {
      name,
      url: `mysql://root@127.0.0.1:${service.port}/${name}`,
      drop: async () => void (await sql(`DROP DATABASE IF EXISTS ${name}`)),
    }
  }

  return Object.assign(service, { user: 'root', sql, createDatabase })
}

const address = (port: number) => ['--host=127.0.0.1', `--port=${port}`, '--protocol=tcp', '--user=root']
