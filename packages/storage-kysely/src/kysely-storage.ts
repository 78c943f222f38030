import type { StorageAdapter } from '@devicehub/core'
import {
  type CompleteStorage,
  defineStorage,
  type StorageContext,
  storageClosed,
} from '@devicehub/core/storage'
import type { Kysely } from 'kysely'
import { createCommandStore } from './command/command-store.js'
import { createRecentCommands } from './command/recent-commands.js'
import { createCommit } from './commit/create-commit.js'
import { knownTypes } from './commit/known-types.js'
import type { Connection } from './connection/connection.js'
import type { DatabaseTarget } from './connection/database-target.js'
import { detectDialect } from './connection/detect-dialect.js'
import { firstConnection } from './connection/first-connection.js'
import { kyselyConnection } from './connection/kysely-connection.js'
import { sqliteConnection } from './connection/sqlite-connection.js'
import { withRefusals } from './connection/storage-refused.js'
import { createConsumerStore } from './consumer/consumer-store.js'
import { createClaimStore } from './credential/claim-store.js'
import { createCredentialStore } from './credential/credential-store.js'
import { createLeaseStore } from './lease/lease-store.js'
import { createLogStore } from './log/log-store.js'
import { createDeviceStore } from './query/device-store.js'
import { createMessageStore } from './query/message-store.js'
import { createReadingStore } from './query/reading-store.js'
import { applyRetention } from './query/retention.js'
import { createSchema } from './schema/create-schema.js'
import type { SqlDialect } from './schema/logical-type.js'
import { engineOf } from './sqlite/sqlite-dialect.js'
import { asStorageErrors } from './storage-error.js'
import { acceptStorage, type KyselyStorageOptions } from './storage-options.js'
import { createTwinStore } from './twin/twin-store.js'

/**
 * Stores a hub's data in SQLite, PostgreSQL (TimescaleDB), MySQL or MariaDB, through a Kysely instance.
 *
 * A pool of `pg` ends the process when an idle connection breaks and nobody listens for `error`. The storage adds a
 * listener with its first statement; `guardPool` adds one earlier, and reports the errors.
 *
 * @example
 * import { createDeviceHub } from '@devicehub/core'
 * import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
 * import { Kysely } from 'kysely'
 * import { WeatherStation } from './hub.js'
 *
 * const db = new Kysely<unknown>({ dialect: sqliteDialect({ file: 'devices.db' }) })
 * const hub = createDeviceHub({ types: [WeatherStation], storage: kyselyStorage({ db, closeDb: true }) })
 * await hub.storage.migrate()
 * await hub.close()
 */
export function kyselyStorage<DB>(given: KyselyStorageOptions<DB>): StorageAdapter {
  const options = acceptStorage<DB>(given)
  // Kysely plugins that rename tables and columns must not apply to the hub's statements.
  const db = options.db.withoutPlugins() as unknown as Kysely<unknown>
  const dialect = options.dialect ?? detectDialect(db)
  return defineStorage(dialect, (context) =>
    openStorage(db, dialect, options as KyselyStorageOptions<unknown>, context),
  )
}

function openStorage(
  db: Kysely<unknown>,
  dialect: SqlDialect,
  {
    timescale = null,
    indexMessagesByDevice = false,
    indexReadingsByTime = false,
    closeDb = false,
    db: given,
  }: KyselyStorageOptions<unknown>,
  { types }: StorageContext,
): CompleteStorage {
  const engine = engineOf(db)
  let closing: Promise<void> | undefined
  const first = firstConnection(db, dialect)
  const connection = checkedConnection(
    engine ? sqliteConnection(db, engine) : kyselyConnection(db, dialect),
    () => {
      if (closing) throw storageClosed()
      return first.ready()
    },
    first.target,
  )
  const onSchema = <T>(doing: string, work: () => Promise<T>): Promise<T> =>
    asStorageErrors(doing, async () => {
      if (closing) throw storageClosed()
      return work()
    })
  const known = knownTypes(types)
  const recent = createRecentCommands()
  const commit = createCommit({ connection, known, recent, timescale: timescale !== null })
  const schema = createSchema({
    db,
    dialect,
    types,
    options: { timescale, indexMessagesByDevice, indexReadingsByTime },
  })
  return {
    capabilities: { preferredBatch: preferredBatch(dialect, engine?.threaded ?? false) },
    devices: createDeviceStore(connection, known.shapeOf),
    readings: createReadingStore(connection, known),
    messages: createMessageStore(connection, known),
    log: createLogStore(connection, known),
    leases: createLeaseStore(connection),
    consumers: createConsumerStore(connection),
    commands: createCommandStore(connection, known, recent),
    twins: createTwinStore(connection, known),
    credentials: createCredentialStore(connection, known, types),
    claims: createClaimStore(connection, known),
    plan: () => onSchema('comparing the schema', () => schema.plan()),
    migrate: (how) => onSchema('migrating', () => schema.migrate(how)),
    commit: (batch) => asStorageErrors('committing a batch', () => commit(batch)),
    applyRetention: (now, request) => applyRetention(connection, types, now, request),
    close() {
      closing ??= closeDb ? given.destroy() : Promise.resolve()
      return closing
    },
  }
}

/** Larger batches cost less per message: planning a statement and syncing a commit is shared by more rows. */
function preferredBatch(dialect: SqlDialect, threaded: boolean): number {
  // A worker thread does not block this one.
  if (threaded) return 2_000
  return dialect === 'postgres' ? 1_000 : 500
}

/**
 * Checks before each statement that the storage is open and connected, and explains errors that only an administrator
 * can fix.
 */
function checkedConnection(
  connection: Connection,
  check: () => Promise<void> | null,
  target: () => DatabaseTarget | null,
): Connection {
  const { dialect, settleAtOnce, reader } = connection
  const run = <T>(work: () => Promise<T>): Promise<T> =>
    withRefusals(dialect, target, async () => {
      const waiting = check()
      if (waiting !== null) await waiting
      return work()
    })
  return {
    dialect,
    run: (query) => run(() => connection.run(query)),
    readMany: (query) => run(() => connection.readMany(query)),
    ...(reader && {
      reader: {
        dialect,
        run: (query) => run(() => reader.run(query)),
        readMany: (query) => run(() => reader.readMany(query)),
      },
    }),
    writeAtOnce: (writes, fences) => run(() => connection.writeAtOnce(writes, fences)),
    ...(settleAtOnce && {
      settleAtOnce: (writes, steps, fences) => run(() => settleAtOnce(writes, steps, fences)),
    }),
    transaction: (options, work) => run(() => connection.transaction(options, work)),
  }
}
