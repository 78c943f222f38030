import type { Logger } from '@devicehub/core'
import { describeRetry, isPermanent, waitsLongest } from '../connection/keep-connected.js'
import type { BrokerSettings } from '../settings/broker-settings.js'

/** Of one connection: what its log says of its failures and of its return. */
export interface ConnectionLog {
  /** An attempt failed, or the connection was lost. `retryInMs`: the pause until the next attempt. */
  failed(error: Error, retryInMs: number | null): void
  connected(): void
  /** It makes no further attempt. */
  ended(): void
}

export interface OutageLog {
  of(clientId: string, level: 'warn' | 'error', what?: string): ConnectionLog
}

/**
 * A listener has several connections to a broker, which are all away when it is. One of them tells, a line for each
 * attempt and one when it is back; the others are heard at level debug. A fault of one connection alone, a missing right or
 * a client id that is used twice say, is always told.
 */
export function createOutageLog(
  logger: Logger,
  { name: broker, url, reconnect }: Pick<BrokerSettings, 'name' | 'url' | 'reconnect'>,
): OutageLog {
  let teller: object | null = null

  return {
    of(clientId, level, what = '') {
      const fields = { broker, url, clientId }
      const me = {}
      return {
        failed(error, retryInMs) {
          const line = { ...fields, retryInMs }
          const message = `${what}${describeRetry(error, reconnect)}`
          teller ??= me
          if (isPermanent(error)) logger[level]({ ...line, err: error }, message)
          else logger[teller === me || waitsLongest(error) ? level : 'debug'](line, message)
        },
        connected() {
          // A warning, since the default logger writes no line below it, and who read of the outage waits for this.
          if (teller === me) logger.warn(fields, 'connected to the broker again')
          else logger.info(fields, 'connected to the broker')
          if (teller === me) teller = null
        },
        ended() {
          if (teller === me) teller = null
        },
      }
    },
  }
}
