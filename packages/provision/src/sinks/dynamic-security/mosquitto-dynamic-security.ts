import { DeviceHubError } from '@devicehub/core'
import { inTurn } from '../../in-turn.js'
import type { CredentialSink } from '../credential-sink.js'
import { usernameOf } from '../last-changes.js'
import { acceptChanges, acceptDevices } from '../option-rules.js'
import { refuseChange } from '../refuse-device.js'
import { sinkFailures } from '../sink-failures.js'
import { applyChanges, type Target } from './apply-changes.js'
import { createCommands } from './commands.js'
import { type ControlLink, openControlLink } from './control-link.js'
import { controlSettings } from './control-settings.js'
import type { DynamicSecurityOptions } from './options.js'
import { syncClients } from './sync-clients.js'

const NAME = 'mosquitto-dynamic-security'

/**
 * Mosquitto's dynamic security plugin, kept in step over `$CONTROL/dynamic-security/v1`: a client and a role for each
 * device, bound to its client id, with its own topics to the letter. A password that changes, and a removal, disconnect
 * the device. It connects when there is something to say, and stays connected only for that. Needs the package `mqtt`.
 *
 * @example
 * import { mosquittoDynamicSecurity } from '@devicehub/provision'
 *
 * const password = process.env.BROKER_ADMIN_PASSWORD ?? ''
 * const sink = mosquittoDynamicSecurity({ url: 'mqtts://broker:8883', username: 'admin', password })
 */
export function mosquittoDynamicSecurity(options: DynamicSecurityOptions): CredentialSink {
  const settings = controlSettings(options)
  const commands = createCommands(settings.rolePrefix)
  const running = new Set<Promise<unknown>>()
  const applyInTurn = inTurn()
  const syncInTurn = inTurn()
  let closed = false
  let shared: { readonly link: Promise<ControlLink>; users: number; alive: boolean } | null = null

  /** One connection for all that runs: a second one under the same client id would end the first. */
  async function withLink<T>(task: (target: Target) => Promise<T>): Promise<T> {
    if (shared === null || !shared.alive) shared = { link: openControlLink(settings), users: 0, alive: true }
    const mine = shared
    mine.users++
    try {
      const link = await mine.link
      return await task({ link, commands, failures: sinkFailures(NAME) })
    } catch (error) {
      mine.alive = await mine.link.then(
        (link) => link.alive,
        () => false,
      )
      throw error
    } finally {
      if (--mine.users === 0) {
        if (shared === mine) shared = null
        await mine.link.then(
          (link) => link.end(),
          () => {},
        )
      }
    }
  }

  function run<T>(task: () => Promise<T>, turn: ReturnType<typeof inTurn>): Promise<T> {
    if (closed) return Promise.reject(new DeviceHubError('closed', `the sink ${NAME} is closed`))
    const result = turn(task)
    const settled = result.catch(() => {}).finally(() => running.delete(settled))
    running.add(settled)
    return result
  }

  return {
    name: NAME,
    apply: (given) =>
      run(async () => {
        const changes = acceptChanges(NAME, given)
        if (changes.length === 0) return
        await withLink(async (target) => {
          const good = changes.filter((change) => {
            const refusal = refuseChange(change)
            if (refusal !== null) target.failures.add(usernameOf(change), refusal)
            return refusal === null
          })
          await applyChanges(target, good)
          target.failures.throwAny()
        })
      }, applyInTurn),
    // Not in turn with `apply`: a device that is revoked does not wait for thousands that are looked at.
    sync: (given) =>
      run(() => withLink((target) => syncClients(target, NAME, acceptDevices(NAME, given))), syncInTurn),
    async close() {
      closed = true
      await Promise.all(running)
    },
  }
}
