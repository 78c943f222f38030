import { DeviceHubError } from '@devicehub/core'
import { isRefused } from './asked.js'

/** What brings the programs of a service, by the name under which suites ask for it. */
export const INSTALL = {
  mosquitto: 'apt-get install mosquitto',
  'mosquitto-clients': 'apt-get install mosquitto-clients',
  hivemq: 'apt-get install default-jdk-headless maven',
  rabbitmq: 'apt-get install rabbitmq-server',
  aedes: 'npm install aedes',
  postgres: 'apt-get install postgresql',
  timescaledb: 'see https://docs.timescale.com/self-hosted/latest/install/',
  mariadb: 'apt-get install mariadb-server',
  redis: 'apt-get install redis-server',
  sqlite: 'use Node 22.13 or later, or npm install better-sqlite3@12.9.0, which may need a C++ compiler',
  sqlite3: 'apt-get install sqlite3',
  openssl: 'apt-get install openssl',
} as const

export type ProgramOwner = keyof typeof INSTALL

const LIBRARIES: readonly ProgramOwner[] = ['aedes', 'sqlite']

const HIDING = 'DEVICEHUB_WITHOUT_SERVICES'

/**
 * Whether `DEVICEHUB_WITHOUT_SERVICES` hides the programs of this service: `all`, or names separated by commas. Aedes
 * and SQLite are libraries, not programs: only their own names hide them.
 */
export function isHidden(owner: ProgramOwner): boolean {
  const names = (process.env[HIDING] ?? '').split(',').map((name) => name.trim())
  for (const name of names)
    if (name !== '' && name !== 'all' && !(name in INSTALL))
      throw new DeviceHubError(
        'invalid_options',
        `${HIDING}: unknown service "${name}": write "all" or names of ${Object.keys(INSTALL).join(', ')}`,
      )
  return names.includes(owner) || (names.includes('all') && !LIBRARIES.includes(owner))
}

export function checkAsked(owner: ProgramOwner): void {
  if (isRefused(owner))
    throw new DeviceHubError(
      'invalid_options',
      `no suite of this file asks for ${owner}: declare it with describeWith(['${owner}'], title, suite), which skips it where it is not installed`,
    )
}
