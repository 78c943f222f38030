import { isDeviceHubError } from '../model/errors.js'
import type { CommandOutcome } from '../ports/commands.js'
import type { CommitResult } from '../ports/commit.js'
import type { Metrics } from '../ports/metrics.js'
import type { DecidedMessage } from './decided-message.js'
import type { IngestOutcome } from './ingest.js'
import { noCounts } from './ingest-stats.js'
import { DUPLICATE, GONE, STORED, STORED_NONE, STORED_ONE } from './outcomes.js'
import type { MessageRefusal } from './refusal.js'
import { comesAgain } from './taken-message.js'

/** Tells what became of a message from what its commit says, and counts it. */
export function createOutcomeCounter(metrics: Metrics) {
  const counts = noCounts()

  function outcomeOf(
    { refusal, taken }: DecidedMessage,
    duplicates: number,
    command: CommandOutcome | undefined,
  ): IngestOutcome {
    const { direction, content } = taken
    // The hub's own rows are not messages that came in.
    if (direction !== 'in') return command?.applied === false ? DUPLICATE : STORED_NONE
    if (refusal !== null) return refusedAs(refusal)
    const { samples, reply } = content
    if (reply !== undefined && command?.record === null) return refusedAs(GONE)
    if (reply !== undefined && command?.flag === 'repeated_reply') {
      counts.duplicates++
      metrics.count('devicehub_ingest_messages_total', 1, DUPLICATE)
      return DUPLICATE
    }
    counts.samples += samples.length - duplicates
    if (samples.length > 0 && duplicates === samples.length) {
      counts.duplicates++
      metrics.count('devicehub_ingest_messages_total', 1, DUPLICATE)
      return DUPLICATE
    }
    counts.stored++
    metrics.count('devicehub_ingest_messages_total', 1, STORED)
    return samples.length === 1 && duplicates === 0
      ? STORED_ONE
      : { status: 'stored', samples: samples.length - duplicates, duplicates }
  }

  function refusedAs(refusal: MessageRefusal): IngestOutcome {
    counts[refusal.status]++
    metrics.count('devicehub_ingest_messages_total', 1, { status: refusal.status, code: refusal.code })
    return refusal
  }

  /** What the commit found of samples that were known. `entries`: the messages, in the order of the batch. */
  function known(entries: readonly DecidedMessage[], { duplicateSamples, reusedIds }: CommitResult): void {
    for (const reused of reusedIds?.values() ?? []) {
      counts.reusedIds += reused.length
      metrics.count('devicehub_ingest_reused_ids_total', reused.length)
    }
    for (const [index, samples] of duplicateSamples ?? []) {
      if (comesAgain((entries[index] as DecidedMessage).taken)) continue
      counts.unmarkedDuplicates += samples.length
      metrics.count('devicehub_ingest_unmarked_duplicates_total', samples.length)
    }
  }

  function failed(error: Error): void {
    counts.failed++
    if (isDeviceHubError(error, 'fenced')) counts.fenced++
    metrics.count('devicehub_ingest_failed_total')
  }

  return { counts, outcomeOf, known, failed }
}
