import { accept, satisfies } from '../model/check/index.js'
import { DeviceHubError } from '../model/errors.js'
import type { Clock } from '../ports/clock.js'
import type { CommandOutcome } from '../ports/commands.js'
import type { Logger } from '../ports/logger.js'
import type { Metrics } from '../ports/metrics.js'
import type { Storage } from '../ports/storage.js'
import type { InboundMessage } from '../ports/transport.js'
import type { Announcer } from './announce.js'
import { createCapacity } from './capacity.js'
import { type Committed, createCommitter } from './commit-decided.js'
import { createDecider, type DeciderOptions } from './decide-messages.js'
import type { DecidedMessage } from './decided-message.js'
import type { DeviceDirectory } from './device-directory.js'
import { createDoor, sizeOf, type TakenOrNot } from './door.js'
import { createDuplicateLog } from './duplicate-log.js'
import { isPayload } from './envelope.js'
import { createGroupCommit } from './group-commit.js'
import type { Ingest, IngestOutcome, Refusal, Settle } from './ingest.js'
import type { IngestLimits, IngestStats } from './ingest-stats.js'
import { LANES, laneOf } from './lanes.js'
import { createLookUp } from './look-up.js'
import { createOutcomeCounter } from './outcome-counter.js'
import { type OwnMessage, takeOwn } from './own-message.js'
import type { Handled, MessagePlanner, Replay } from './plan-message.js'
import { createRefusalLog } from './refusal-log.js'
import { createRetry } from './retry.js'
import { createReusedIdLog } from './reused-id-log.js'
import { sessionOutcomes } from './session-outcomes.js'
import type { TakenMessage } from './taken-message.js'
import { createTeller } from './tell-committed.js'
import { createTurnBudget } from './turn-budget.js'

export interface IngestContext extends Omit<DeciderOptions, 'storage' | 'directory' | 'clock'> {
  readonly storage: Storage
  readonly directory: DeviceDirectory
  readonly planner: MessagePlanner
  readonly announcer: Announcer
  readonly clock: Clock
  readonly logger: Logger
  readonly metrics: Metrics
  readonly limits: IngestLimits
  /** A reply is going to be committed: what else is known of its command can go before it, in the same commit. Must not throw. */
  readonly beforeReply: (commandId: string) => void
  /** After each commit; must not throw. */
  readonly onStored: () => void
  /** A command changed; must not throw. */
  readonly onCommand: (outcome: CommandOutcome) => void
  /** A device can be reached again; must not throw. */
  readonly onReachable: () => void
}

export interface IngestPipeline {
  readonly ingest: Ingest
  /** An audit row for a message that its handler could not handle. */
  quarantine(message: InboundMessage, refusal: Refusal, handled?: Handled): Promise<IngestOutcome>
  /** One for a message that its handler has handled, in a replay. */
  handled(message: InboundMessage, handled: Handled): Promise<IngestOutcome>
  /** Feeds a stored message through again and marks the old row `replayed` in the same transaction. */
  replay(message: InboundMessage, replay: Replay): Promise<IngestOutcome>
  /** A row of the hub's own, and what it says of a command or a twin. Resolves after its commit; `duplicate`: the command was further already. */
  record(message: OwnMessage): Promise<IngestOutcome>
  /** False: what may wait had better be refused. */
  readonly hasRoom: boolean
  stats(): IngestStats
  /** Takes nothing more, commits what it has for at most `timeout` milliseconds, and fails the rest. */
  close(timeout: number): Promise<void>
}

/** Milliseconds of a turn of the event loop that large messages may take, one more message at most. */
const TURN_BUDGET = 20

export function createIngest(context: IngestContext): IngestPipeline {
  const { announcer, metrics, limits } = context
  const counter = createOutcomeCounter(metrics)
  const { counts } = counter
  const giveUp = new AbortController()
  let closed = false

  const onRetry = () => {
    counts.retries++
    metrics.count('devicehub_ingest_retries_total')
  }
  const retry = createRetry({
    delay: { min: 50, max: 5_000 },
    refusedMax: 30_000,
    slowAfter: 10_000,
    clock: context.clock,
    signal: giveUp.signal,
    logger: context.logger,
    onRetry,
  })
  const turn = createTurnBudget(TURN_BUDGET)
  const door = createDoor(context.planner, context.clock, turn)
  const lookUp = createLookUp({ ...context, retry, decider: createDecider(context) })
  const tell = createTeller({
    ...context,
    logRefusal: createRefusalLog(context),
    logReusedIds: createReusedIdLog(context),
    logDuplicates: createDuplicateLog(context),
    guard,
  })
  const commit = createCommitter({
    ...context,
    retry,
    onCommit,
    onFailure: ({ taken }, error) => fail(taken, error),
    wantsIds: announcer.wantsIds,
  })
  const capacity = createCapacity({ maxCount: limits.maxQueued, maxBytes: limits.maxQueuedBytes })
  const lanes = Array.from({ length: LANES }, () =>
    createGroupCommit<TakenMessage>({
      commit: commitBatch,
      maxCount: limits.maxBatch,
      maxBytes: limits.maxBatchBytes,
      capacity,
    }),
  )

  async function commitBatch(taken: readonly TakenMessage[]): Promise<void> {
    const started = performance.now()
    const decided = await lookUpOrFail(taken)
    if (decided === null || !(await commit(decided))) return
    counts.batches++
    metrics.observe('devicehub_ingest_batch_messages', taken.length)
    metrics.observe('devicehub_ingest_commit_ms', performance.now() - started)
  }

  /** Null when the hub gave up. */
  async function lookUpOrFail(taken: readonly TakenMessage[]): Promise<readonly DecidedMessage[] | null> {
    try {
      return await lookUp(taken)
    } catch (error) {
      for (const message of taken) fail(message, error instanceof Error ? error : new Error(String(error)))
      return null
    }
  }

  /** Acknowledges the whole batch before anybody is told of it: signals and hooks never delay an acknowledgement. */
  function onCommit(committed: Committed): void {
    const { entries, result } = committed
    for (let index = 0; index < entries.length; index++) {
      const message = entries[index] as DecidedMessage
      settle(
        message.taken,
        counter.outcomeOf(message, result.duplicates?.[index] ?? 0, result.commands?.get(index)),
      )
    }
    for (const { message, outcome } of sessionOutcomes(committed)) settle(message.taken, outcome)
    counter.known(entries, result)
    tell(committed)
    context.onStored()
  }

  function settle(message: TakenMessage, outcome: IngestOutcome): void {
    try {
      message.settle(outcome)
    } catch (error) {
      callbackThrew(error)
    }
  }

  function fail(message: TakenMessage, error: Error): void {
    counter.failed(error)
    settle(message, { status: 'failed', error })
  }

  function guard(call: () => void): void {
    try {
      call()
    } catch (error) {
      callbackThrew(error)
    }
  }

  function callbackThrew(error: unknown): void {
    context.logger.error({ err: error }, 'a callback of the ingest threw')
  }

  function enqueue(taken: TakenMessage): boolean {
    const { direction, deviceId, content, envelope } = taken
    if (direction === 'in') counts.received++
    if (content.reply !== undefined) context.beforeReply(content.reply.id)
    lanes[laneOf(deviceId)]?.push(taken, sizeOf(envelope))
    return capacity.hasRoom && !turn.isSpent
  }

  async function drained(): Promise<void> {
    await turn.nextTurn()
    await capacity.drained()
  }

  function push(message: InboundMessage, settle: Settle): boolean {
    const taken = closed ? closedError() : door.take(message, settle)
    if (!(taken instanceof DeviceHubError)) return enqueue(taken)
    guard(() => settle({ status: 'failed', error: taken }))
    return true
  }

  async function ingestAll(given: readonly InboundMessage[]): Promise<IngestOutcome[]> {
    const messages = listOf(given)
    for (const [index, message] of messages.entries()) assertMessage(message, index)
    const outcomes: Promise<IngestOutcome>[] = []
    for (const message of messages) {
      let hasRoom = true
      outcomes.push(new Promise((done) => (hasRoom = push(message, done))))
      if (!hasRoom) await drained()
    }
    const settled = await Promise.all(outcomes)
    const failed = settled.find((outcome) => outcome.status === 'failed')
    if (failed?.status === 'failed') throw failed.error
    return settled
  }

  /** A transport brings bytes; what code hands over as its own may be an object by mistake, of which no row would tell. */
  function assertMessage(message: InboundMessage, index: number): void {
    const problem = door.problem(message)
    if (problem !== null)
      throw new DeviceHubError(problem.code, `hub.ingest: messages[${index}]: ${problem.message}`)
    if (!isPayload(message.payload))
      accept('hub.ingest', `messages[${index}].payload`, PAYLOAD, message.payload)
  }

  async function one(take: (settle: Settle) => TakenOrNot): Promise<IngestOutcome> {
    if (closed) throw closedError()
    const outcome = await new Promise<IngestOutcome>((done, refuse) => {
      const taken = take(done)
      if (taken instanceof DeviceHubError) refuse(taken)
      else enqueue(taken)
    })
    if (outcome.status === 'failed') throw outcome.error
    return outcome
  }

  return {
    ingest: Object.assign(ingestAll, { push, drained }),
    quarantine: (message, refusal, handled) =>
      one((settle) => door.quarantine(message, settle, refusal, handled)),
    handled: (message, handled) => one((settle) => door.handled(message, settle, handled)),
    record: (message) => one((settle) => takeOwn(message, settle)),
    replay: (message, replay) => one((settle) => door.take(message, settle, replay)),
    get hasRoom() {
      return capacity.hasRoom
    },
    stats: () => ({ ...counts, queued: capacity.held, fault: retry.fault() }),
    async close(timeout) {
      closed = true
      const timer = setTimeout(() => giveUp.abort(closedError()), timeout)
      const gaveUp = new Promise<void>((resolve) =>
        giveUp.signal.addEventListener('abort', () => resolve(), { once: true }),
      )
      // A commit that hangs inside its driver cannot be aborted: it stays unacknowledged, which is safe.
      await Promise.race([capacity.idle(), gaveUp])
      clearTimeout(timer)
    },
  }
}

/** A copy, each item read once: what a list holds may change while this waits for room. */
function listOf(given: unknown): readonly InboundMessage[] {
  try {
    if (Array.isArray(given)) return Array.from(given as InboundMessage[])
  } catch {
    // A list that throws when it is read.
  }
  return accept('hub.ingest', 'messages', MESSAGES, given)
}

const MESSAGES = satisfies<readonly InboundMessage[]>(
  'a list of messages { topic, payload, source }',
  () => false,
)
const PAYLOAD = satisfies<InboundMessage['payload']>(
  'a Uint8Array; of an object, new TextEncoder().encode(JSON.stringify(object))',
  isPayload,
)

const closedError = () => new DeviceHubError('closed', 'the hub is closed: it takes no more messages')
