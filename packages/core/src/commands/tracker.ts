import { createWaker } from '@devicehub-internal/async'
import { DeviceHubError } from '../model/errors.js'
import type { CommandRecord, NewCommand } from '../ports/commands.js'
import type { Logger } from '../ports/logger.js'
import type { Storage } from '../ports/storage.js'
import { createFaultLog } from '../rules/fault-log.js'
import { isFinal } from '../rules/states.js'
import { unknownCommandId } from './command-errors.js'

/** A command of this process: its end, once it is known here. */
export interface TrackedCommand {
  readonly id: string
  readonly command: string
  readonly deviceId: string
  readonly typeKey: string
  final: CommandRecord | null
  waiting: Set<Waiting>
}

interface Waiting {
  readonly resolve: (record: CommandRecord) => void
  readonly reject: (error: Error) => void
}

/**
 * Who waits for which command. The end of a command is heard of at once when this process commits it; for one that
 * another process commits, the ledger is asked, for all that are waited for in one query.
 */
export interface CommandTracker {
  add(command: Pick<NewCommand, 'id' | 'command' | 'deviceId'> & { readonly typeKey: string }): TrackedCommand
  get(id: string): TrackedCommand | undefined
  /** It did not come into the ledger. */
  forget(id: string): void
  /** A command that was committed here. */
  settle(record: CommandRecord): void
  /** Resolves with the final record. Rejects with the signal's reason, `command_not_found` or `closed`. */
  wait(command: TrackedCommand, signal?: AbortSignal): Promise<CommandRecord>
  close(): void
}

export interface TrackerOptions {
  readonly commands: Pick<Storage['commands'], 'find'>
  readonly logger: Logger
  /** Commands remembered that nobody waits for; default 10,000. */
  readonly max?: number
  /** Milliseconds between two looks into the ledger. */
  readonly every: { readonly first: number; readonly next: number }
}

/** Ids in one query. */
const FOUND_MAX = 500

export function createCommandTracker({
  commands,
  logger,
  max = 10_000,
  every,
}: TrackerOptions): CommandTracker {
  const tracked = new Map<string, TrackedCommand>()
  const waited = new Set<TrackedCommand>()
  const waker = createWaker()
  const faultLog = createFaultLog()
  let looking = false
  let closed = false

  function settle(record: CommandRecord): void {
    if (!isFinal(record.state)) return
    const command = tracked.get(record.id)
    if (command === undefined) return
    command.final = record
    tracked.delete(record.id)
    end(command, ({ resolve }) => resolve(record))
  }

  function end(command: TrackedCommand, tell: (waiting: Waiting) => void): void {
    waited.delete(command)
    const { waiting } = command
    command.waiting = new Set()
    for (const one of waiting) tell(one)
  }

  async function look(): Promise<void> {
    looking = true
    let pause = every.first
    while (waited.size > 0 && !closed) {
      await waker.wait(pause)
      pause = every.next
      await askFor([...waited]).then(faultLog.works, failed)
    }
    looking = false
  }

  async function askFor(commands: readonly TrackedCommand[]): Promise<void> {
    for (let at = 0; at < commands.length; at += FOUND_MAX) await ask(commands.slice(at, at + FOUND_MAX))
  }

  const failed = (error: unknown) =>
    faultLog.failed(error, (fields, remedy) =>
      logger.warn(
        fields,
        `the ledger of commands could not be asked; trying again${remedy === null ? '' : `: ${remedy}`}`,
      ),
    )

  async function ask(part: readonly TrackedCommand[]): Promise<void> {
    const records = await commands.find(part.map(({ id }) => id))
    const found = new Set(records.map(({ id }) => id))
    for (const record of records) settle(record)
    // Gone by retention.
    for (const command of part)
      if (!found.has(command.id)) end(command, ({ reject }) => reject(unknownCommandId(command.id)))
  }

  function forgetOldest(): void {
    for (const command of tracked.values()) {
      if (tracked.size <= max) return
      if (command.waiting.size === 0) tracked.delete(command.id)
    }
  }

  return {
    add(command) {
      const added: TrackedCommand = { ...command, final: null, waiting: new Set() }
      tracked.set(command.id, added)
      if (tracked.size > max) forgetOldest()
      return added
    },
    get: (id) => tracked.get(id),
    forget: (id) => void tracked.delete(id),
    settle,
    wait(command, signal) {
      if (command.final !== null) return Promise.resolve(command.final)
      if (closed) return Promise.reject(closedError())
      if (signal?.aborted) return Promise.reject(signal.reason)
      return new Promise((resolve, reject) => {
        const forget = () => signal?.removeEventListener('abort', abort)
        const waiting: Waiting = {
          resolve: (record) => {
            forget()
            resolve(record)
          },
          reject: (error) => {
            forget()
            reject(error)
          },
        }
        function abort(): void {
          command.waiting.delete(waiting)
          if (command.waiting.size === 0) waited.delete(command)
          waiting.reject(signal?.reason)
        }
        signal?.addEventListener('abort', abort)
        command.waiting.add(waiting)
        tracked.set(command.id, command)
        waited.add(command)
        if (!looking) void look()
      })
    },
    close() {
      closed = true
      for (const command of [...waited]) end(command, ({ reject }) => reject(closedError()))
      waker.wake()
    },
  }
}

const closedError = () =>
  new DeviceHubError('closed', 'the hub was closed before the command was answered; its ledger goes on')
