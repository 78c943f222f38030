import { createRequire } from 'node:module'
import { join } from 'node:path'
import { DeviceHubError } from '@devicehub/core'
import { workerFile } from '../worker-file.js'

/** The SQLite driver: Node's own (22.13 and later), or the package better-sqlite3. */
export type SqliteDriver = 'node:sqlite' | 'better-sqlite3'

export interface FoundDriver {
  readonly driver: SqliteDriver
  /** What to require in the worker: the file, since a worker resolves from this package. */
  readonly module: string
}

/** The version that has binaries for Node 20; later ones need a newer Node. */
const BETTER_SQLITE3 = 'better-sqlite3@12.9.0'

/** `auto`: what Node has itself, else better-sqlite3. `missing_dependency` says what to install. */
export function findSqliteDriver(wanted: SqliteDriver | 'auto'): FoundDriver {
  if (wanted !== 'better-sqlite3' && hasNodeSqlite()) return { driver: 'node:sqlite', module: 'node:sqlite' }
  if (wanted === 'node:sqlite')
    throw new DeviceHubError(
      'missing_dependency',
      `node:sqlite needs Node 22.13 or later, this is ${process.version}. Use a newer Node, or driver: 'better-sqlite3' with: npm install ${BETTER_SQLITE3}`,
    )
  const module = resolveFrom(workerFile(), join(process.cwd(), 'package.json'))
  if (module === null)
    throw new DeviceHubError(
      'missing_dependency',
      `SQLite needs the package better-sqlite3 on ${process.version}. Install it: npm install ${BETTER_SQLITE3}; or use Node 22.13 or later, which brings SQLite`,
    )
  return { driver: 'better-sqlite3', module }
}

/**
 * `missing_dependency` for a better-sqlite3 that is installed but not built for this Node; other errors are returned
 * unchanged.
 */
export function asMissingDependency(error: unknown): unknown {
  const { code, message } = error as { code?: unknown; message?: unknown }
  if (code !== 'ERR_DLOPEN_FAILED' && !/Could not locate the bindings file/.test(String(message)))
    return error
  return new DeviceHubError(
    'missing_dependency',
    `better-sqlite3 is installed but was not built for ${process.version}. Use Node 22.13 or later, which brings SQLite; or build it anew with npm rebuild better-sqlite3 or npm install ${BETTER_SQLITE3}, which need the network or a C++ compiler, make and Python`,
    { cause: error },
  )
}

function hasNodeSqlite(): boolean {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number)
  return major > 22 || (major === 22 && minor >= 13)
}

function resolveFrom(...bases: (string | URL)[]): string | null {
  for (const base of bases)
    try {
      return createRequire(base).resolve('better-sqlite3')
    } catch {
      // Not from here.
    }
  return null
}
