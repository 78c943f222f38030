import { type AnyDeviceType, type Codec, DeviceHubError, jsonCodec } from '@devicehub/core/definition'
import { errorLine } from '@devicehub/core/transport'
import { createCondition } from '@devicehub-internal/async'
import { acceptCommand } from '../option-rules.js'
import { isJson } from '../plain-value.js'
import type { Publisher } from '../publisher.js'
import { createCommandLedger, type LedgerEntry } from './command-ledger.js'
import {
  type AnyCommandHandler,
  declaredIn,
  judge,
  namesIn,
  resultProblem,
  type Verdict,
} from './executable.js'
import { type CommandMessage, nameOf, type ParsedCommand, parseCommand } from './received-command.js'
import { createReplies, encodeError, encodeReply, type Outcome } from './replies.js'

export interface CommandsOptions {
  /** Null in the untyped form: payloads are passed on as they come. */
  readonly type: AnyDeviceType | null
  readonly codec: Codec
  readonly publisher: Publisher
  /** Topic of replies. */
  readonly topic: string
  /** Handlers whose promise is pending at once; beyond it commands are rejected. */
  readonly maxPending: number
  /** Finished commands that are remembered. */
  readonly remembered: number
  /** Of the outbox; null remembers commands in memory only. */
  readonly folder: string | null
  readonly onError: (error: DeviceHubError) => void
}

/** What arrives on `cmd`: decoded, validated, executed at most once, and answered. */
export interface Commands {
  /** One handler per command; returns a function that removes it. */
  handle(name: string, handler: AnyCommandHandler): () => void
  /**
   * Reads the journal. The folder has to be locked. If it cannot be opened, commands are remembered in memory, which is
   * reported: a device in the field must still execute commands, so that it can be repaired remotely.
   */
  open(folder: 'writable' | 'readonly'): Promise<void>
  /**
   * Resolves when the message may be acknowledged: its arrival is on disk. False: it must not be, since the client is
   * closing and the broker is to send it again.
   */
  receive(message: CommandMessage): Promise<boolean>
  /** There is a connection. */
  resume(): void
  pause(): void
  /** Accepts no more commands; resolves when no handler is running. */
  idle(): Promise<void>
  /** Resolves when the broker has confirmed all replies. */
  answered(): Promise<void>
  /** Aborts the signals of handlers that still run; in a journal their commands stay started. */
  abort(): void
  /** Resolves when all is on disk. */
  close(): Promise<void>
}

/** Milliseconds a handler may run before `accepted` is sent: after a quick handler only the final reply is. */
const ACCEPTED_AFTER = 10

type Executable = Extract<Verdict, { readonly handler: unknown }>

export function createCommands(options: CommandsOptions): Commands {
  const { type, codec, onError } = options
  const handlers = new Map<string, AnyCommandHandler>()
  const ledger = createCommandLedger(options)
  const replies = createReplies({ ...options, ledger })
  const running = new Set<AbortController>()
  const condition = createCondition()
  let closing = false
  let closed = false
  let opening: Promise<void> = Promise.resolve()

  async function receive(message: CommandMessage): Promise<boolean> {
    if (closing) return false
    let received: ParsedCommand
    try {
      received = parseCommand(message, codec)
    } catch (error) {
      onError(error as DeviceHubError)
      return true
    }
    // It would be executed again at each reconnect.
    if (message.retained) {
      onError(refusal('invalid_payload', received, 'it is retained on the broker, and commands must not be'))
      return true
    }
    const known = received.id === null ? undefined : ledger.get(received.id)
    if (known !== undefined) await repeat(known, received)
    else await take(received)
    return true
  }

  /** It was sent again, by the broker or by the hub that has had no answer. */
  async function repeat(known: LedgerEntry, { correlationData }: ParsedCommand): Promise<void> {
    known.correlationData = correlationData
    // Not acknowledged before the first one.
    await known.stored.catch(() => {})
    if (known.reply !== null) replies.final(known)
    else replies.accepted(known)
  }

  async function take(received: ParsedCommand): Promise<void> {
    const verdict = judge(received, { type, handlers, running: running.size, maxPending: options.maxPending })
    if ('why' in verdict) {
      onError(refusal(verdict.code, received, verdict.why))
      return answer(received, { status: 'rejected', error: verdict.why })
    }
    const controller = new AbortController()
    running.add(controller)
    const { id, command, correlationData } = received
    let entry: LedgerEntry | null = null
    if (id !== null) {
      entry = ledger.start({ id, command, correlationData })
      try {
        await entry.stored
      } catch (error) {
        leave(controller)
        onError(error as DeviceHubError)
        return answer(received, { status: 'rejected', error: `not executed: ${errorLine(error)}` })
      }
    }
    void run(received, verdict, controller, entry)
  }

  async function run(
    received: ParsedCommand,
    verdict: Executable,
    controller: AbortController,
    entry: LedgerEntry | null,
  ): Promise<void> {
    const accept = () => {
      if (entry !== null && !closed) replies.accepted(entry)
    }
    const timer = entry === null ? undefined : setTimeout(accept, ACCEPTED_AFTER)
    const outcome = await execute(received, verdict, controller.signal)
    clearTimeout(timer)
    // Its time is over: no reply can be sent any more, and in a journal it stays started.
    if (!closed) await answer(received, outcome, verdict)
    leave(controller)
  }

  function leave(controller: AbortController): void {
    running.delete(controller)
    condition.check()
  }

  async function execute(
    received: ParsedCommand,
    verdict: Executable,
    signal: AbortSignal,
  ): Promise<Outcome> {
    const { command, id, expiresAt = null } = received
    try {
      // In a promise, so that what it throws is a rejection like any other.
      await null
      const result = await verdict.handler(verdict.payload as never, { command, id, expiresAt, signal })
      return { status: 'succeeded', result }
    } catch (cause) {
      if (!closed)
        onError(refusal('handler_failed', received, `its handler failed: ${errorLine(cause)}`, cause))
      return { status: 'failed', error: errorLine(cause) || 'its handler failed' }
    }
  }

  /** Resolves when the reply is on disk; it is sent then. */
  async function answer(received: ParsedCommand, outcome: Outcome, verdict?: Executable): Promise<void> {
    const { id } = received
    // A sender that gives no id does not wait for a reply.
    if (id === null) return
    const reply = encode({ ...received, id }, outcome, verdict, received)
    const entry = ledger.finish({ ...received, id }, reply)
    replies.final(entry)
    await entry.stored.catch(onError)
  }

  function encode(
    entry: Pick<LedgerEntry, 'id' | 'command'>,
    outcome: Outcome,
    verdict: Executable | undefined,
    received: ParsedCommand,
  ): Uint8Array {
    if (outcome.status !== 'succeeded') return encodeError(entry, outcome, options)
    try {
      const problem = problemOf(outcome.result, verdict)
      return problem === null ? encodeReply(entry, outcome, codec) : failed(problem)
    } catch (cause) {
      return failed(`its result cannot be encoded: ${errorLine(cause)}`)
    }

    function failed(why: string): Uint8Array {
      onError(refusal('handler_failed', received, why, why))
      return encodeError(entry, { status: 'failed', error: why }, options)
    }
  }

  function problemOf(result: unknown, verdict: Executable | undefined): string | null {
    const problem = resultProblem(result, verdict?.declared ?? null)
    if (problem !== null) return `its result does not fit: ${problem}`
    const free = codec === jsonCodec && (verdict?.declared ?? null)?.result == null
    return free && result !== undefined && !isJson(result)
      ? 'its result cannot be encoded: it is not JSON'
      : null
  }

  /** A command that an earlier process started is not executed again: nobody knows how far it came. */
  async function recover(folder: 'writable' | 'readonly'): Promise<void> {
    for (const entry of folder === 'writable' ? await openLedger() : await ledger.open('readonly')) {
      const error = 'interrupted: the process of the device ended before the command was finished'
      const reply = encodeError(entry, { status: 'failed', error }, options)
      await ledger.finish(entry, reply).stored.catch(onError)
    }
  }

  async function openLedger(): Promise<readonly LedgerEntry[]> {
    try {
      return await ledger.open()
    } catch (error) {
      onError(error as DeviceHubError)
      return ledger.open('readonly')
    }
  }

  return {
    handle(given, handler) {
      const name = acceptCommand(given)
      const invalid = (message: string) => new DeviceHubError('invalid_options', message)
      if (typeof handler !== 'function') throw invalid(`the handler of the command ${name} is not a function`)
      if (type !== null && declaredIn(type, name) === undefined)
        throw invalid(`${type.name} has no command '${name}'; it has ${namesIn(type)}`)
      if (handlers.has(name)) throw invalid(`the command ${name} has a handler already; one executes it`)
      handlers.set(name, handler)
      return () => {
        if (handlers.get(name) === handler) handlers.delete(name)
      }
    },
    open(folder) {
      opening = recover(folder)
      return opening
    },
    receive,
    resume: replies.resume,
    // Replies that are being sent wait in the publisher.
    pause: () => {},
    idle() {
      closing = true
      return condition.when(() => running.size === 0)
    },
    answered: replies.idle,
    abort() {
      closing = true
      closed = true
      const reason = new DeviceHubError('closed', 'the client was closed')
      for (const controller of running) controller.abort(reason)
      replies.stop()
    },
    async close() {
      await opening.catch(() => {})
      await ledger.close()
    },
  }
}

function refusal(
  code: 'invalid_payload' | 'handler_failed',
  received: ParsedCommand,
  why: string,
  cause?: unknown,
): DeviceHubError {
  const { command, id } = received
  const what = code === 'handler_failed' && cause !== undefined ? 'failed' : 'was not executed'
  return new DeviceHubError(code, `${nameOf(received)} ${what}: ${why}`, { details: { command, id }, cause })
}
