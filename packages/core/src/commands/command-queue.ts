import { createBatcher } from '@devicehub-internal/async'
import type { Dispatcher } from '../dispatch/dispatcher.js'
import {
  CLAIM_TTL,
  type DispatchContext,
  dispatchCommands,
  publishableTypes,
} from '../dispatch/publish-commands.js'
import { DeviceHubError } from '../model/errors.js'
import type { CreateOutcome, NewCommand } from '../ports/commands.js'
import { newCommandRecord } from '../rules/command-order.js'

export interface CommandQueue {
  /**
   * Resolves once the command is in the ledger; one that can be published here and now is on its way then.
   * `device_not_found`, `device_inactive`, `device_offline`.
   */
  push(command: NewCommand): Promise<'claimed' | 'queued'>
}

interface Waiting {
  readonly command: NewCommand
  readonly resolve: (outcome: 'claimed' | 'queued') => void
  readonly reject: (error: unknown) => void
}

/** Commands in one transaction. */
const BATCH_MAX = 500

/**
 * The way into the ledger: commands that are sent at the same time share a transaction, and keep the order in which
 * they were sent.
 */
export function createCommandQueue(
  context: DispatchContext & { readonly dispatcher: Dispatcher },
): CommandQueue {
  const { storage, dispatcher, clock, claim } = context
  const queue = createBatcher<Waiting>({
    maxItems: BATCH_MAX,
    async process(batch) {
      try {
        await write(batch)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    },
  })

  async function write(batch: readonly Waiting[]): Promise<void> {
    const types = publishableTypes(context)
    const commands = batch.map(({ command }) => command)
    const outcomes = await storage.commands.create(
      commands,
      types.length > 0 ? { claim, ttl: CLAIM_TTL, types } : null,
    )
    const now = clock.now()
    const claimed = commands
      .filter((_, index) => outcomes[index] === 'claimed')
      .map((command) => newCommandRecord(command, now + command.expiresIn))
    for (const work of dispatchCommands(context, claimed)) dispatcher.track(work)
    // What could not be claimed may be due all the same: behind earlier ones, or for a device that came up meanwhile.
    if (outcomes.includes('queued')) dispatcher.wake()
    batch.forEach(({ command, resolve, reject }, index) => {
      const outcome = outcomes[index] as CreateOutcome
      if (outcome === 'claimed' || outcome === 'queued') resolve(outcome)
      else reject(refusal(command, outcome))
    })
  }

  return {
    push: (command) =>
      new Promise((resolve, reject) => {
        dispatcher.start()
        queue.push({ command, resolve, reject })
      }),
  }
}

function refusal(
  { type, deviceId, command }: NewCommand,
  outcome: Exclude<CreateOutcome, 'claimed' | 'queued'>,
) {
  const who = `${type.name} "${deviceId}"`
  const messages = {
    device_not_found: `there is no ${who}; create it with devices.create`,
    device_inactive: `${who} is deactivated; activate it with devices.activate`,
    device_offline: `${who} is not connected; leave out onOffline: 'fail' to have it wait`,
  }
  return new DeviceHubError(outcome, `${command} was not sent: ${messages[outcome]}`, {
    details: { type: type.key, deviceId, command },
  })
}
