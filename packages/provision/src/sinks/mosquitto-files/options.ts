import type { Duration } from '@devicehub/core'
import type { Reload } from './reload-broker.js'

/** Options of `mosquittoFiles`. */
export interface MosquittoFilesOptions {
  /** Mosquitto's `password_file`. Beside it are kept `.<section>-users` (whom the sink made) and `.<section>-lock`. */
  readonly passwordFile: string
  /** Mosquitto's `acl_file`. */
  readonly aclFile: string
  /** How the broker learns of it. `pidFile` is Mosquitto's `pid_file`, read each time. */
  readonly reload: Reload
  /** Names what is the sink's own in both files. Every hub at one broker needs its own. Default `devicehub`. */
  readonly section?: string
  /**
   * Rounds of PBKDF2, which the broker does at each login, and nothing else meanwhile. Default 101, as
   * `mosquitto_passwd`: enough for passwords made here, which cannot be guessed. More for those that people chose.
   */
  readonly iterations?: number
  /**
   * Name of the broker in the listener's options; default: any. **No listener there may be in a group** (`slots`,
   * `sharedGroup`), in no process: Mosquitto with these files lets any device into it, where it would swallow messages of
   * all devices. A listener of the same hub is refused; that of another process is yours to keep out.
   */
  readonly broker?: string
  /** How long to wait for another process that writes the same files. Default 10 s. */
  readonly timeout?: Duration
}
