/** One listener process of the fault runs. The parent talks to it over the IPC channel and kills it as it pleases. */
import {
  consoleLogger,
  createDeviceHub,
  isDeviceHubError,
  type StorageAdapter,
  silentLogger,
} from '@devicehub/core'
import type { CommitBatch, CommitResult } from '@devicehub/core/storage'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { storageFor } from './database.js'
import { monotonic } from './monotonic.js'
import type { LateCommit, ReplicaCommand, ReplicaConfig, ReplicaReport } from './replica.js'
import { Probe } from './workload.js'

const config = JSON.parse(process.argv[2] as string) as ReplicaConfig
let freezeFrom = Number.POSITIVE_INFINITY
let gate: Promise<void> = Promise.resolve()
const commits = new Set<Promise<CommitResult>>()
let late: LateCommit | null = null

const hub = createDeviceHub({
  types: [Probe],
  storage: freezing(storageFor(config.target)),
  logger: config.verbose ? consoleLogger : silentLogger,
  ...(config.maxBatch === undefined ? {} : { ingest: { maxBatch: config.maxBatch } }),
})
const listener = createMqttListener(hub, {
  url: config.url,
  ...(config.slots === undefined ? { clientId: config.clientId } : { slots: config.slots }),
  ...(config.sharedGroup === undefined ? {} : { sharedGroup: config.sharedGroup }),
  ...(config.protocolVersion === undefined ? {} : { protocolVersion: config.protocolVersion }),
  ...(config.window === undefined ? {} : { receiveMaximum: config.window }),
  reconnect: { min: '50ms', max: '500ms' },
  connectTimeout: '1m',
})

/** Lets the process freeze at the one moment that no signal from outside hits: all is decided, nothing is sent. */
function freezing(adapter: StorageAdapter): StorageAdapter {
  return {
    ...adapter,
    open(context) {
      const storage = adapter.open(context)
      return {
        ...storage,
        async commit(batch: CommitBatch) {
          await gate
          if (batch.entries.length < freezeFrom) return underWay(storage.commit(batch))
          freezeFrom = Number.POSITIVE_INFINITY
          let open = () => {}
          gate = new Promise((resolve) => {
            open = resolve
          })
          // What is in the database by now is acknowledged first.
          await Promise.allSettled(commits)
          for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve))
          late = { messages: batch.entries.length, acknowledged: listener.stats().acknowledged }
          process.kill(process.pid, 'SIGSTOP')
          // The signal may take a moment to reach this thread; nothing else may run until it has.
          Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 100)
          open()
          try {
            const result = await storage.commit(batch)
            late = { ...late, error: null }
            return result
          } catch (error) {
            late = { ...late, error: isDeviceHubError(error) ? error.code : String(error) }
            throw error
          }
        },
      }
    },
  }
}

function underWay(commit: Promise<CommitResult>): Promise<CommitResult> {
  commits.add(commit)
  const done = () => void commits.delete(commit)
  commit.then(done, done)
  return commit
}

const report = (event: ReplicaReport['event'], error?: string) => {
  const { brokers: _, ...mqtt } = listener.stats()
  process.send?.({
    event,
    at: monotonic(),
    error,
    mqtt,
    ingest: hub.stats().ingest,
    late,
    rss: process.memoryUsage.rss(),
  } satisfies ReplicaReport)
}

process.on('message', async (command: ReplicaCommand) => {
  try {
    if (command.do === 'endSessionsOf') {
      await listener.endSessionsOf(command.clientId)
      report('adopted')
    } else if (command.do === 'freezeBeforeCommit') {
      freezeFrom = command.messages
      report('armed')
    } else {
      await listener.stop({ endSession: command.endSession })
      report('stopped')
      await hub.close()
      process.disconnect()
    }
  } catch (error) {
    report('failed', String(error))
  }
})
process.on('disconnect', () => process.exit(0))

await listener.start()
report('ready')
// After the timers that are due: a process that was frozen finds out what it has lost before it speaks.
setInterval(() => setImmediate(() => report('stats')), 100).unref()
