import { DeviceHubError } from '@devicehub/core'
import { createSemaphore } from '@devicehub-internal/async'
import { type EnginePort, openInThread, openInWorker } from './engine-port.js'
import { asMissingDependency, findSqliteDriver, type SqliteDriver } from './find-driver.js'
import { IN_MEMORY, refuseNoFile } from './sqlite-file.js'

export interface SqliteEngineOptions {
  readonly file: string
  readonly driver: SqliteDriver | 'auto'
  readonly thread: boolean
  /** Milliseconds. */
  readonly busyTimeout: number
}

/** The one connection of a dialect instance, shared by Kysely's driver and the storage. */
export interface SqliteEngine {
  readonly file: string
  /** Whether the database runs in a worker thread. */
  readonly threaded: boolean
  /** Opens the database, once. */
  open(): Promise<void>
  /** Waits for the connection, in order of the calls. The function it returns releases it. */
  acquire(): Promise<() => void>
  /** Runs an operation; call it only while you hold the connection. */
  call<Result>(operation: string, argument: unknown): Promise<Result>
  /**
   * A second connection on the same file, in a worker of its own, that only reads: it sees what was committed when its
   * statement began. Null without a thread, where it would block this one all the same, and of a database in memory, which
   * has one connection. It is opened when it is first called, which is after `open`, and closed with the engine.
   */
  readonly reader: SqliteReader | null
  close(): Promise<void>
}

/** What of an engine reads. */
export type SqliteReader = Pick<SqliteEngine, 'acquire' | 'call'>

export function createSqliteEngine(options: SqliteEngineOptions): SqliteEngine {
  const reader =
    options.thread && !isInMemory(options.file) ? createPort({ ...options, readOnly: true }) : null
  const port = createPort({ ...options, readOnly: false })
  return {
    ...port,
    file: options.file,
    threaded: options.thread,
    reader,
    async close() {
      await reader?.close()
      await port.close()
    },
  }
}

const isInMemory = (file: string): boolean =>
  file === ':memory:' || /^file:.*(:memory:|mode=memory)/.test(file)

function createPort(options: SqliteEngineOptions & { readonly readOnly: boolean }) {
  let port: Promise<EnginePort> | undefined
  let closed = false
  const turn = createSemaphore(1)

  async function start(): Promise<EnginePort> {
    await refuseNoFile(options.file)
    const { driver, module } = findSqliteDriver(options.driver)
    const { file, busyTimeout, readOnly } = options
    const settings = { file, driver, module, busyTimeout, readOnly }
    try {
      if (!options.thread) return openInThread(settings)
      return await openInWorker(settings, () => {
        // The next call starts a new worker after a crash; a database in memory is lost with the worker.
        if (options.file !== IN_MEMORY) port = undefined
      })
    } catch (error) {
      throw asMissingDependency(error)
    }
  }

  const opened = (): Promise<EnginePort> => {
    if (closed) throw new DeviceHubError('closed', `The SQLite database ${options.file} was closed`)
    port ??= start().catch((error) => {
      port = undefined
      throw error
    })
    return port
  }

  return {
    open: async () => void (await opened()),

    async acquire() {
      await turn.enter()
      return turn.leave
    },

    call: async <Result>(operation: string, argument: unknown) =>
      (await (await opened()).call(operation, argument)) as Result,

    async close() {
      if (closed) return
      const opening = port
      closed = true
      // Waits for operations that were started.
      await turn.enter()
      turn.leave()
      await (await opening?.catch(() => undefined))?.close()
    },
  }
}
