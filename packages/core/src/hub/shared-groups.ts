import { accept, line, optional, options, text } from '../model/check/index.js'
import { DeviceHubError } from '../model/errors.js'

/** Who says that the listeners of a broker may be in no group. */
export interface ForbiddenGroups {
  /** The broker's name; default: every broker of the hub. */
  readonly broker?: string | undefined
  /** A clause that follows `since`: what a group would do harm to there. */
  readonly because: string
  /** A sentence: what to do instead. */
  readonly remedy: string
}

/** Shared subscriptions in which this process receives, and the brokers where they must not be used. */
export interface SharedGroups {
  /** For good: what makes groups unsafe there stays with the broker. `invalid_options` when a listener is in one by now. */
  forbid(rule: ForbiddenGroups): void
  /** `invalid_options` when groups are forbidden at that broker. */
  assertAllowed(broker: string, group: string): void
  /** The same, and for as long as the listener is in it; returns the way out. */
  join(broker: string, group: string): () => void
}

const RULE = options<ForbiddenGroups>({
  broker: optional(line(64)),
  because: text({ max: 1_000 }),
  remedy: text({ max: 1_000 }),
})

interface Member {
  readonly broker: string
  readonly group: string
}

export function createSharedGroups(): SharedGroups {
  const rules: ForbiddenGroups[] = []
  const members = new Set<Member>()
  const concerns = (rule: ForbiddenGroups, { broker }: Member) => (rule.broker ?? broker) === broker

  const refusal = ({ broker, group }: Member, { because, remedy }: ForbiddenGroups) =>
    new DeviceHubError(
      'invalid_options',
      `broker "${broker}": no listener may be in a group there (this one is in "${group}"), since ${because}. ${remedy}`,
      { details: { broker, group } },
    )

  function assertAllowed(broker: string, group: string): void {
    accept('hub.sharedGroups', 'broker', line(64), broker)
    accept('hub.sharedGroups', 'group', text({ max: 16_383 }), group)
    const rule = rules.find((each) => concerns(each, { broker, group }))
    if (rule !== undefined) throw refusal({ broker, group }, rule)
  }

  return {
    forbid(given) {
      const rule = accept('hub.sharedGroups.forbid', 'rule', RULE, given)
      const member = [...members].find((each) => concerns(rule, each))
      if (member !== undefined) throw refusal(member, rule)
      rules.push(rule)
    },
    assertAllowed,
    join(broker, group) {
      assertAllowed(broker, group)
      const member = { broker, group }
      members.add(member)
      return () => void members.delete(member)
    },
  }
}
