import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import * as check from '@devicehub/core/check'
import { type AedesService, type AedesServiceOptions, startAedes } from './aedes.js'
import { findPostgresPrograms, findProgram, findRabbitMq } from './find-program.js'
import { type HiveMqOptions, type HiveMqService, startHiveMq } from './hivemq.js'
import { type MariadbOptions, type MariadbService, startMariadb } from './mariadb.js'
import { type MosquittoOptions, type MosquittoService, startMosquitto } from './mosquitto.js'
import { type PostgresOptions, type PostgresService, startPostgres } from './postgres.js'
import { INSTALL, isHidden, type ProgramOwner } from './programs.js'
import { type RabbitMqServerOptions, type RabbitMqService, startRabbitMq } from './rabbitmq.js'
import { type RedisOptions, type RedisService, startRedis } from './redis.js'

/** The running service of each service name. */
export interface ServiceHandles {
  /** See `startMosquitto`. */
  mosquitto: MosquittoService
  /** See `startHiveMq`. */
  hivemq: HiveMqService
  /** See `startRabbitMq`. */
  rabbitmq: RabbitMqService
  /** See `startAedes`. */
  aedes: AedesService
  /** See `startPostgres`. */
  postgres: PostgresService
  /** PostgreSQL with the extension preloaded. The test itself runs `CREATE EXTENSION timescaledb`. */
  timescaledb: PostgresService
  /** See `startMariadb`. */
  mariadb: MariadbService
  /** See `startRedis`. */
  redis: RedisService
}

/** The options of each service name. */
export interface ServiceStartOptions {
  /** See `startMosquitto`. */
  mosquitto: MosquittoOptions
  /** See `startHiveMq`. */
  hivemq: HiveMqOptions
  /** See `startRabbitMq`. */
  rabbitmq: RabbitMqServerOptions
  /** See `startAedes`. */
  aedes: AedesServiceOptions
  /** See `startPostgres`. */
  postgres: PostgresOptions
  /** See `startPostgres`. */
  timescaledb: PostgresOptions
  /** See `startMariadb`. */
  mariadb: MariadbOptions
  /** See `startRedis`. */
  redis: RedisOptions
}

/** A service that `describeWith` can start. */
export type ServiceName = keyof ServiceHandles

/** Programs that tests run themselves: they can be asked for, and there is nothing to start. */
export type ToolName = Exclude<ProgramOwner, ServiceName>

export const STARTS: {
  readonly [Name in ServiceName]: (options: ServiceStartOptions[Name]) => Promise<ServiceHandles[Name]>
} = {
  mosquitto: startMosquitto,
  hivemq: startHiveMq,
  rabbitmq: startRabbitMq,
  aedes: startAedes,
  postgres: startPostgres,
  timescaledb: (options) =>
    startPostgres({ ...options, settings: { shared_preload_libraries: 'timescaledb', ...options.settings } }),
  mariadb: startMariadb,
  redis: startRedis,
}

/** Not packaged by the distributions: skipped even where services are required. */
export const isOptional = (name: ServiceName | ToolName): boolean => name === 'timescaledb'

// Everything needed to start one and talk to it: a server without its client does not count.
const INSTALLED: { readonly [Name in ServiceName | ToolName]: () => boolean } = {
  mosquitto: () => hasProgram('mosquitto', 'mosquitto'),
  'mosquitto-clients': () =>
    hasProgram('mosquitto-clients', 'mosquitto_pub') && hasProgram('mosquitto-clients', 'mosquitto_sub'),
  hivemq: () => hasProgram('hivemq', 'java') && hasProgram('hivemq', 'mvn'),
  rabbitmq: () => findRabbitMq() !== undefined && hasProgram('rabbitmq', 'epmd'),
  aedes: () => !isHidden('aedes'),
  postgres: () => findPostgresPrograms() !== undefined && hasProgram('postgres', 'psql'),
  timescaledb: () => !isHidden('timescaledb') && hasTimescale(),
  mariadb: () =>
    hasProgram('mariadb', 'mariadbd', 'mysqld') &&
    hasProgram('mariadb', 'mariadb-install-db', 'mysql_install_db') &&
    hasProgram('mariadb', 'mariadb-admin', 'mysqladmin') &&
    hasProgram('mariadb', 'mariadb', 'mysql'),
  redis: () => hasProgram('redis', 'redis-server', 'valkey-server'),
  sqlite: () => !isHidden('sqlite') && hasSqlite(),
  sqlite3: () => hasProgram('sqlite3', 'sqlite3'),
  openssl: () => hasProgram('openssl', 'openssl'),
}

const hasProgram = (owner: ProgramOwner, ...names: readonly string[]) =>
  findProgram(owner, ...names) !== undefined

// As in storage-kysely: Node's own driver, else the package, which may be installed and yet not built.
function hasSqlite(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  if (major > 22 || (major === 22 && minor >= 13)) return true
  for (const base of [import.meta.url, join(process.cwd(), 'package.json')])
    try {
      const Database = createRequire(base)('better-sqlite3') as new (file: string) => { close(): void }
      new Database(':memory:').close()
      return true
    } catch {
      // Not from here.
    }
  return false
}

// The library must be preloaded when the server starts, so the server cannot be asked.
function hasTimescale(): boolean {
  const programs = findPostgresPrograms()
  if (programs === undefined) return false
  const config = join(programs, 'pg_config')
  const program = existsSync(config) ? config : findProgram('postgres', 'pg_config')
  if (program === undefined) return false
  const shared = execFileSync(program, ['--sharedir'], { encoding: 'utf8' }).trim()
  return existsSync(join(shared, 'extension', 'timescaledb.control'))
}

/** Whether every program the service needs is installed, and `DEVICEHUB_WITHOUT_SERVICES` does not hide it. */
export const isInstalled = (name: ServiceName | ToolName): boolean =>
  INSTALLED[check.accept('isInstalled', 'name', NAME, name)]()

const NAME = check.word(...(Object.keys(INSTALLED) as (ServiceName | ToolName)[]))

/** A line for each of these services that is not installed, saying what to install. Empty when nothing is missing. */
export const missingServices = (names: readonly (ServiceName | ToolName)[]): string[] =>
  check
    .accept('missingServices', 'names', check.list(NAME), names)
    .filter((name) => !isInstalled(name))
    .map((name) => `${name} is not installed: ${INSTALL[name]}`)
