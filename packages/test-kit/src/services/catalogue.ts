import { execFileSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { type AedesService, type AedesServiceOptions, startAedes } from './aedes.js'
import { findPostgresPrograms, findProgram, findRabbitMq } from './find-program.js'
import { HIVEMQ_INSTALL, type HiveMqOptions, type HiveMqService, startHiveMq } from './hivemq.js'
import { MARIADB_INSTALL, type MariadbOptions, type MariadbService, startMariadb } from './mariadb.js'
import {
  MOSQUITTO_INSTALL,
  type MosquittoOptions,
  type MosquittoService,
  startMosquitto,
} from './mosquitto.js'
import { POSTGRES_INSTALL, type PostgresOptions, type PostgresService, startPostgres } from './postgres.js'
import { RABBITMQ_INSTALL, type RabbitMqOptions, type RabbitMqService, startRabbitMq } from './rabbitmq.js'
import { REDIS_INSTALL, type RedisOptions, type RedisService, startRedis } from './redis.js'

/** The handle of each service by name. */
export interface ServiceHandles {
  mosquitto: MosquittoService
  hivemq: HiveMqService
  rabbitmq: RabbitMqService
  aedes: AedesService
  postgres: PostgresService
  /** PostgreSQL with the extension preloaded; `CREATE EXTENSION timescaledb` is the test's. */
  timescaledb: PostgresService
  mariadb: MariadbService
  redis: RedisService
}

/** The start options of each service by name. */
export interface ServiceStartOptions {
  mosquitto: MosquittoOptions
  hivemq: HiveMqOptions
  rabbitmq: RabbitMqOptions
  aedes: AedesServiceOptions
  postgres: PostgresOptions
  timescaledb: PostgresOptions
  mariadb: MariadbOptions
  redis: RedisOptions
}

export type ServiceName = keyof ServiceHandles

interface Entry<Name extends ServiceName> {
  installed(): boolean
  readonly install: string
  start(options: ServiceStartOptions[Name]): Promise<ServiceHandles[Name]>
  /** Not packaged by the distributions: skipped even where services are required. */
  readonly optional?: true
}

export const CATALOGUE: { readonly [Name in ServiceName]: Entry<Name> } = {
  mosquitto: {
    installed: () => findProgram('mosquitto') !== undefined,
    install: MOSQUITTO_INSTALL,
    start: startMosquitto,
  },
  hivemq: {
    installed: () => findProgram('java') !== undefined && findProgram('mvn') !== undefined,
    install: HIVEMQ_INSTALL,
    start: startHiveMq,
  },
  rabbitmq: {
    installed: () => findRabbitMq() !== undefined && findProgram('epmd') !== undefined,
    install: RABBITMQ_INSTALL,
    start: startRabbitMq,
  },
  aedes: { installed: () => true, install: 'npm install aedes', start: startAedes },
  postgres: {
    installed: () => findPostgresPrograms() !== undefined,
    install: POSTGRES_INSTALL,
    start: startPostgres,
  },
  timescaledb: {
    installed: hasTimescale,
    install: 'see https://docs.timescale.com/self-hosted/latest/install/',
    start: (options) =>
      startPostgres({
        ...options,
        settings: { shared_preload_libraries: 'timescaledb', ...options.settings },
      }),
    optional: true,
  },
  mariadb: {
    installed: () => findProgram('mariadbd', 'mysqld') !== undefined,
    install: MARIADB_INSTALL,
    start: startMariadb,
  },
  redis: {
    installed: () => findProgram('redis-server', 'valkey-server') !== undefined,
    install: REDIS_INSTALL,
    start: startRedis,
  },
}

// The library must be named before the server starts, so the server cannot be asked.
function hasTimescale(): boolean {
  const programs = findPostgresPrograms()
  if (programs === undefined) return false
  const config = join(programs, 'pg_config')
  const program = existsSync(config) ? config : findProgram('pg_config')
  if (program === undefined) return false
  const shared = execFileSync(program, ['--sharedir'], { encoding: 'utf8' }).trim()
  return existsSync(join(shared, 'extension', 'timescaledb.control'))
}

/**
 * Whether the service's program is installed on this machine. Names in `DEVICEHUB_WITHOUT_SERVICES`, divided by
 * commas, count as not installed: to leave slow ones out.
 */
export const isInstalled = (name: ServiceName): boolean =>
  !(process.env.DEVICEHUB_WITHOUT_SERVICES ?? '').split(',').includes(name) && CATALOGUE[name].installed()

/** One line for each of these services that is not installed, with what to install. */
export const missingServices = (names: readonly ServiceName[]): string[] =>
  names
    .filter((name) => !isInstalled(name))
    .map((name) => `${name} is not installed: ${CATALOGUE[name].install}`)
