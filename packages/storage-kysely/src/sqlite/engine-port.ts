import { createRequire } from 'node:module'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { workerFile } from '../worker-file.js'
import { unpackRows } from './packed-rows.js'

/** The database behind its operations, which are those of worker/sqlite-worker.cjs. */
export interface EnginePort {
  call(operation: string, argument: unknown): Promise<unknown>
  close(): Promise<void>
}

interface WorkerModule {
  openDatabase(options: unknown): Record<string, (argument: unknown) => unknown>
  describeError(error: unknown): ErrorDescription
}

interface ErrorDescription {
  readonly name: string
  readonly message: string
  readonly code?: string
  readonly stack?: string
}

const toError = ({ name, message, code, stack }: ErrorDescription): Error =>
  Object.assign(new Error(message), { name, code, stack })

/** Runs it in this thread: each call blocks until the database is done. */
export function openInThread(options: unknown): EnginePort {
  const module = createRequire(import.meta.url)(fileURLToPath(workerFile())) as WorkerModule
  const described = <T>(work: () => T): T => {
    try {
      return work()
    } catch (error) {
      throw toError(module.describeError(error))
    }
  }
  const database = described(() => module.openDatabase(options))
  return {
    call: async (operation, argument) => unpackRows(described(() => database[operation]?.(argument))),
    close: async () => void database.close?.(null),
  }
}

interface Call {
  resolve(result: unknown): void
  reject(error: Error): void
}

type Reply = { readonly id: number } & ({ readonly result: unknown } | { readonly error: ErrorDescription })

/** Runs it in a worker thread, so that commits and their fsync do not block this one. */
export async function openInWorker(options: unknown, onExit: () => void): Promise<EnginePort> {
  const worker = new Worker(workerFile(), { workerData: { devicehubSqlite: true } })
  const calls = new Map<number, Call>()
  let ids = 0
  let gone: Error | undefined

  const fail = (error: Error) => {
    gone ??= error
    for (const { reject } of calls.values()) reject(gone)
    calls.clear()
  }
  worker.on('message', (reply: Reply) => {
    const call = calls.get(reply.id)
    calls.delete(reply.id)
    // An idle database does not keep the process running.
    if (calls.size === 0) worker.unref()
    if ('error' in reply) call?.reject(toError(reply.error))
    else call?.resolve(unpackRows(reply.result))
  })
  worker.on('error', (error) => fail(error as Error))
  worker.on('exit', (code) => {
    fail(
      Object.assign(new Error(`The SQLite worker ended with code ${code}`), { code: 'SQLITE_WORKER_EXIT' }),
    )
    onExit()
  })

  const call = (operation: string, argument: unknown) =>
    new Promise<unknown>((resolve, reject) => {
      if (gone) return reject(gone)
      const id = ++ids
      calls.set(id, { resolve, reject })
      worker.ref()
      worker.postMessage({ id, operation, argument })
    })

  try {
    await call('open', options)
  } catch (error) {
    await worker.terminate()
    throw error
  }
  return {
    call,
    async close() {
      await call('close', null).catch(() => undefined)
      await worker.terminate()
    },
  }
}
