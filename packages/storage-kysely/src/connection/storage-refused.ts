import { resolve } from 'node:path'
import { DeviceHubError } from '@devicehub/core'
import type { SqlDialect } from '../schema/logical-type.js'
import { classify } from '../storage-error.js'
import { type DatabaseTarget, showTarget } from './database-target.js'

/**
 * Runs `work`. An error that only an administrator can fix becomes `storage_refused`, with host, database, user and
 * what to do.
 */
export async function withRefusals<T>(
  dialect: SqlDialect,
  target: () => DatabaseTarget | null,
  work: () => Promise<T>,
): Promise<T> {
  try {
    return await work()
  } catch (error) {
    throw classify(error) === 'forbidden' ? storageRefused(error, dialect, target()) : error
  }
}

export function storageRefused(
  cause: unknown,
  dialect: SqlDialect,
  target: DatabaseTarget | null,
): DeviceHubError {
  if (cause instanceof DeviceHubError) return cause
  const { message, code, errno } = cause as Error & { readonly code?: unknown; readonly errno?: unknown }
  const key = String(typeof errno === 'number' && dialect === 'mysql' ? errno : (code ?? ''))
  const where = target === null ? '' : ` (${showTarget(target)})`
  return new DeviceHubError(
    'storage_refused',
    `The database refuses this application${where}: ${message}. ${remedy(key, message, target)}. Trying again does not help`,
    { details: { ...(target ?? {}), reason: message, databaseCode: key === '' ? null : key }, cause },
  )
}

const LOGIN =
  'Give the right user and password, and let the server accept them from here (pg_hba.conf, the host of the account)'
const DATABASE = 'Create the database, or name one that exists'
const RIGHTS =
  'Grant the right: migrate() creates and alters tables, a running hub reads and writes their rows (SELECT, INSERT, UPDATE, DELETE, on PostgreSQL also USAGE of sequences)'
const SCHEMA = 'Create the schema, or set a search_path that names one that exists'
const TLS = 'Give the certificate authority, or set ssl as the server wants it'

const REMEDIES: readonly (readonly [RegExp, string])[] = [
  [/^(28...|1045|1698|1130|1820|1862|1251|1275|3118|3159|4151)$/, LOGIN],
  [/^(3D...|1049)$/, DATABASE],
  [/^3F...$/, SCHEMA],
  [/^1129$/, 'Unblock this host on the server: mysqladmin flush-hosts'],
  [/^(42501|1044|1142|1143|1227|1370)$/, RIGHTS],
  [/CERT|TLS/, TLS],
]

function remedy(code: string, message: string, target: DatabaseTarget | null): string {
  const known = REMEDIES.find(([codes]) => codes.test(code))?.[1]
  if (known !== undefined) return known
  if (/SASL|password/i.test(message)) return LOGIN
  if (/SSL|TLS/.test(message)) return TLS
  const file = target?.file == null ? 'the file' : resolve(target.file)
  if (code === 'SQLITE_NOTADB' || code.startsWith('SQLITE_CORRUPT'))
    return `Restore ${file} from a backup, or name another file`
  return `Make the folder of ${file}, and let the user of this process write both (SQLite makes files beside it)`
}
