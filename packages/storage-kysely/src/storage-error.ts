import { DeviceHubError } from '@devicehub/core'

/** The kinds of failure of a statement. */
export type Failure =
  /** A unique key was violated. */
  | 'unique'
  /** A conflict with another transaction: retry at once. */
  | 'conflict'
  | 'unavailable'
  /** The connection broke while the statement ran: it may have been committed. */
  | 'lost'
  | 'outdated'
  | 'refused'
  /** The application is denied: wrong password, missing database or right. Only an administrator can fix it. */
  | 'forbidden'
  | 'closed'

interface DriverError {
  readonly code?: unknown
  readonly sqlState?: unknown
  readonly errno?: unknown
  readonly message: string
}

/** Classifies a driver's error by what can be done about it. */
export function classify(error: unknown): Failure {
  if (!(error instanceof Error)) return 'refused'
  const { code, sqlState, errno, message } = error as Error & DriverError
  if (code === 'storage_refused') return 'forbidden'
  if (/driver has already been destroyed|after calling end on the pool|Pool is closed/.test(message))
    return 'closed'
  if (FORBIDDEN_MESSAGE.test(message)) return 'forbidden'
  // Thrown by the driver in this process, because of a value.
  if (error instanceof TypeError || error instanceof RangeError) return 'refused'
  if (typeof code === 'string') {
    if (code.startsWith('SQLITE_')) return classifySqlite(code, message)
    if (code.startsWith('ER_') || (typeof sqlState === 'string' && typeof errno === 'number'))
      return classifyMysql(Number(errno), String(sqlState))
    if (/^[0-9A-Z]{5}$/.test(code) && !/^E[A-Z]{4}$/.test(code)) return classifySqlState(code)
    if (LOST_CODES.has(code)) return 'lost'
    if (TLS_CODES.test(code)) return 'forbidden'
    if (/^E[A-Z_]+$/.test(code) || code.startsWith('PROTOCOL_') || code.startsWith('CONNECT'))
      return 'unavailable'
  }
  // For a connection that broke or was never made, drivers give a message without a code.
  if (
    /terminated unexpectedly|Connection terminated|connection is in closed state|not queryable|Connection lost|Query read timeout/i.test(
      message,
    )
  )
    return 'lost'
  if (/timeout|timed out|connect/i.test(message)) return 'unavailable'
  return 'refused'
}

/** Messages of drivers without a code: `pg` about a password or TLS, better-sqlite3 about a folder. */
const FORBIDDEN_MESSAGE =
  /client password must be a|no password was provided|server does not support SSL connections|directory does not exist/

const TLS_CODES = /CERT_|_CERT|SELF_SIGNED|^ERR_TLS_/

const LOST_CODES = new Set([
  'PROTOCOL_SEQUENCE_TIMEOUT',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  'PROTOCOL_CONNECTION_LOST',
  'CONNECTION_CLOSED',
])

/**
 * PostgreSQL, by class: only errors in the data itself are `refused`; others wait until an administrator fixes them.
 */
function classifySqlState(code: string): Failure {
  switch (code) {
    case '23505':
      return 'unique'
    case '40001':
    case '40P01':
    case '55P03':
      return 'conflict'
    case '42P01':
    case '42703':
    case '42704':
    case '42804':
      return 'outdated'
    case '42501':
      return 'forbidden'
    // The backend ended with the statement: another backend crashed, or a shutdown.
    case '57P01':
    case '57P02':
      return 'lost'
  }
  switch (code.slice(0, 2)) {
    case '22':
    case '23':
    case '44':
    case '54':
    case 'P0':
      return 'refused'
    case '08':
      return 'lost'
    case '28':
    case '3D':
    case '3F':
      return 'forbidden'
    default:
      return 'unavailable'
  }
}

const MYSQL: Readonly<Record<number, Failure>> = {
  1062: 'unique',
  1586: 'unique',
  1205: 'conflict',
  1213: 'conflict',
  1020: 'conflict',
  1146: 'outdated',
  1054: 'outdated',
  // Login: access denied, host not allowed or blocked, password expired, account locked, no common method.
  1045: 'forbidden',
  1698: 'forbidden',
  1130: 'forbidden',
  1129: 'forbidden',
  1820: 'forbidden',
  1862: 'forbidden',
  1251: 'forbidden',
  1275: 'forbidden',
  3118: 'forbidden',
  3159: 'forbidden',
  4151: 'forbidden',
  1049: 'forbidden',
  // Missing privileges on a database, table, column or routine, or on the server.
  1044: 'forbidden',
  1142: 'forbidden',
  1143: 'forbidden',
  1227: 'forbidden',
  1370: 'forbidden',
  1053: 'lost',
  // Killed by an administrator, or (4031, MySQL 8) closed because it was idle.
  1927: 'lost',
  4031: 'lost',
  2006: 'lost',
  2013: 'lost',
  // The packet is too large; halves of the batch can fit.
  1153: 'refused',
  1366: 'refused',
  1364: 'refused',
  1118: 'refused',
}

function classifyMysql(errno: number, sqlState: string): Failure {
  const known = MYSQL[errno]
  if (known) return known
  const group = sqlState.slice(0, 2)
  return group === '22' || group === '23' || group === '44' || group === '45' ? 'refused' : 'unavailable'
}

function classifySqlite(code: string, message: string): Failure {
  if (code === 'SQLITE_CONSTRAINT_UNIQUE' || code === 'SQLITE_CONSTRAINT_PRIMARYKEY') return 'unique'
  if (code.startsWith('SQLITE_BUSY') || code.startsWith('SQLITE_LOCKED')) return 'conflict'
  if (/^SQLITE_(CONSTRAINT|MISMATCH|TOOBIG|RANGE)/.test(code)) return 'refused'
  if (/no such table|no such column|has no column named/.test(message)) return 'outdated'
  if (code === 'SQLITE_ERROR') return 'refused'
  if (/^SQLITE_(READONLY|CANTOPEN|PERM|AUTH|NOTADB|CORRUPT)/.test(code)) return 'forbidden'
  // Disk full, I/O error: not caused by the data.
  return 'unavailable'
}

/** Converts a driver's error to a `DeviceHubError`; returns one unchanged. */
export function toStorageError(error: unknown, doing: string): Error {
  if (error instanceof Error && error.name === 'DeviceHubError') return error
  const reason = error instanceof Error ? error.message || (error as { code?: string }).code : String(error)
  const options = { cause: error }
  switch (classify(error)) {
    case 'closed':
      return new DeviceHubError(
        'closed',
        `The database was closed while ${doing}: db.destroy() or the end of its pool came before hub.close(). Close the hub first; to go on, make a new Kysely instance and a new hub`,
        options,
      )
    case 'outdated':
      return new DeviceHubError(
        'schema_outdated',
        `The database lacks what the device types declare (${reason}): run \`storage.migrate()\``,
        options,
      )
    case 'unique':
    case 'refused':
      return new DeviceHubError(
        'storage_failed',
        `The database refused the data while ${doing}: ${reason}`,
        options,
      )
    case 'forbidden':
      return new DeviceHubError(
        'storage_refused',
        `The database refuses this application while ${doing}: ${reason}. Trying again does not help`,
        options,
      )
    case 'conflict':
      return new DeviceHubError(
        'storage_unavailable',
        `The database was busy while ${doing}: ${reason}`,
        options,
      )
    case 'unavailable':
    case 'lost':
      return new DeviceHubError(
        'storage_unavailable',
        `The database cannot be reached or cannot write now, while ${doing}: ${reason}`,
        options,
      )
  }
}

/** Runs `work`, and converts the driver's errors. */
export async function asStorageErrors<T>(doing: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw toStorageError(error, doing)
  }
}
