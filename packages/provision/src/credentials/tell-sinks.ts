import { DeviceHubError, isDeviceHubError } from '@devicehub/core'
import { inTurn } from '../in-turn.js'
import type { ProvisionHub } from '../provision-hub.js'
import type { CredentialSink, SinkChange } from '../sinks/credential-sink.js'

/** What was committed, and what the sinks have to hear of it. */
export interface Committed<Result> {
  readonly result: Result
  /** Not asked for when there are no sinks. */
  readonly changes: () => readonly SinkChange[]
}

export interface Told<Result> {
  readonly result: Result
  /** `sink_failed`, one for each sink that could not be updated. */
  readonly sinkErrors: readonly DeviceHubError[]
}

export interface SinkTeller {
  /** Commits, then tells every sink. Never rejects because of a sink: what is committed stands. */
  inStep<Result>(commit: () => Promise<Committed<Result>>): Promise<Told<Result>>
  /** Runs while no sink is told anything. */
  alone<Result>(work: () => Promise<Result>): Promise<Result>
}

/**
 * One change after the other, commit and all: were a device rotated twice at a time, a sink could otherwise hear of the
 * first password last. Without sinks nothing waits.
 */
export function createSinkTeller(
  { logger }: Pick<ProvisionHub, 'logger'>,
  sinks: readonly CredentialSink[],
): SinkTeller {
  const alone = inTurn()

  async function tell(changes: readonly SinkChange[]): Promise<DeviceHubError[]> {
    const errors: DeviceHubError[] = []
    if (changes.length === 0) return errors
    for (const sink of sinks) {
      try {
        await sink.apply(changes)
      } catch (cause) {
        const error = sinkError(sink.name, changes, cause)
        errors.push(error)
        logger.error({ sink: sink.name, changes: changes.length, err: error }, error.message)
      }
    }
    return errors
  }

  return {
    async inStep(commit) {
      if (sinks.length === 0) return { result: (await commit()).result, sinkErrors: [] }
      return alone(async () => {
        const { result, changes } = await commit()
        return { result, sinkErrors: await tell(changes()) }
      })
    },
    alone,
  }
}

const NAMED = 20

function sinkError(sink: string, changes: readonly SinkChange[], cause: unknown): DeviceHubError {
  const names = changes.map((change) => (change.kind === 'set' ? change.device.username : change.username))
  const shown =
    names.length === 1 ? names[0] : `${names.length} user names (${names.slice(0, 3).join(', ')}, ...)`
  const done = changes.every(({ kind }) => kind === 'remove') ? 'revoked' : 'issued'
  const why = cause instanceof Error ? cause.message : String(cause)
  const mend =
    done === 'revoked'
      ? 'provisioner.sync() removes them there'
      : 'when it can be reached again, provisioner.sync() corrects the rules and names the devices whose credentials have to be rotated'
  return new DeviceHubError(
    'sink_failed',
    `The credentials of ${shown} are ${done} here, but the sink ${sink} was not updated: ${why}. ${mend}.`,
    {
      details: {
        sink,
        usernames: names.slice(0, NAMED),
        count: names.length,
        reason: isDeviceHubError(cause) ? cause.code : 'unknown',
      },
      cause,
    },
  )
}
