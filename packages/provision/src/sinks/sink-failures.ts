import { DeviceHubError } from '@devicehub/core'

/** What a broker's store refused, by user name; thrown once everything else is done. */
export interface SinkFailures {
  add(username: string, reason: string): void
  /** Whether that user has failed. */
  has(username: string): boolean
  /** `sink_failed` with the user names, unless there are none. */
  throwAny(): void
}

const SHOWN = 5

export function sinkFailures(sink: string): SinkFailures {
  const reasons = new Map<string, string>()
  return {
    add: (username, reason) => void (reasons.has(username) || reasons.set(username, reason)),
    has: (username) => reasons.has(username),
    throwAny() {
      if (reasons.size === 0) return
      // Quoted: a user name may be anything here, a line break too.
      const shown = [...reasons].slice(0, SHOWN).map(([name, reason]) => `${JSON.stringify(name)}: ${reason}`)
      const more = reasons.size > SHOWN ? `; and ${reasons.size - SHOWN} more` : ''
      throw new DeviceHubError('sink_failed', `${sink} could not be updated for ${shown.join('; ')}${more}`, {
        details: { sink, users: [...reasons.keys()], reasons: Object.fromEntries(reasons) },
      })
    },
  }
}
