import type { CredentialSink } from '../credential-sink.js'
import { createFileWork } from '../file-work.js'
import { usernameOf } from '../last-changes.js'
import { acceptChanges, acceptDevices } from '../option-rules.js'
import { sinkFailures } from '../sink-failures.js'
import { applyToFiles } from './apply-to-files.js'
import { filesSettings } from './files-settings.js'
import type { MosquittoFilesOptions } from './options.js'
import { refuseFileChange } from './refuse-for-files.js'
import { reloadBroker } from './reload-broker.js'
import { syncFiles } from './sync-files.js'

const NAME = 'mosquitto-files'

/**
 * Mosquitto's password file and ACL file, kept in step: replaced as a whole, other users and rules left as they are.
 * With these files the broker never refuses a SUBSCRIBE, it filters what it delivers, and it binds no client id. So no
 * listener there may be in a group: see the option `broker`.
 *
 * @example
 * import { mosquittoFiles } from '@devicehub/provision'
 *
 * const sink = mosquittoFiles({
 *   passwordFile: '/etc/mosquitto/passwd',
 *   aclFile: '/etc/mosquitto/acl',
 *   reload: { pidFile: '/run/mosquitto/mosquitto.pid' },
 * })
 */
export function mosquittoFiles(options: MosquittoFilesOptions): CredentialSink {
  const settings = filesSettings(options)
  const { run, close } = createFileWork(NAME)

  return {
    name: NAME,
    forbidsSharedGroups: {
      broker: settings.broker,
      because:
        'its devices are kept in password and ACL files (mosquittoFiles), with which Mosquitto refuses no subscription: any device could join the group and take messages of all devices away',
      remedy:
        'Run one listener without `slots` and `sharedGroup`, or hot standbys (`slots` with max 1 and `sharedGroup: false`); or take mosquittoDynamicSecurity or @devicehub/broker-auth, which refuse such a subscription',
    },
    apply: (given) =>
      run(async () => {
        const changes = acceptChanges(NAME, given)
        if (changes.length === 0) return
        const failures = sinkFailures(NAME)
        const good = changes.filter((change) => {
          const refusal = refuseFileChange(change, settings.section)
          if (refusal !== null) failures.add(usernameOf(change), refusal)
          return refusal === null
        })
        await applyToFiles(settings, good, failures)
        await reloadBroker(settings.reload)
        failures.throwAny()
      }),
    sync: (given) =>
      run(async () => {
        const devices = acceptDevices(NAME, given)
        const failures = sinkFailures(NAME)
        const report = await syncFiles(settings, NAME, devices, failures)
        // Always: a process that was killed after it wrote has told nobody.
        await reloadBroker(settings.reload)
        failures.throwAny()
        return report
      }),
    close,
  }
}
