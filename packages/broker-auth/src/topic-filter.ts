import { isValidTopic, isValidTopicFilter } from '@devicehub/core/transport'

/** A subscription: the filter, and the group of a shared one. */
export interface Subscription {
  readonly filter: string
  /** Of `$share/<group>/<filter>` [MQTT-4.8.2-1]; null: not shared. */
  readonly group: string | null
}

const SHARE = '$share/'

/** Control characters, which names and topics must not contain: brokers differ in how they treat them [MQTT-1.5.4-3]. */
export const hasControlCharacter = (text: string): boolean => /\p{Cc}/u.test(text)

/** Null for a text that is not a topic filter. */
export function parseSubscription(text: string): Subscription | null {
  if (!isValidTopicFilter(text) || hasControlCharacter(text)) return null
  if (!text.startsWith(SHARE)) return { filter: text, group: null }
  const end = text.indexOf('/', SHARE.length)
  return { filter: text.slice(end + 1), group: text.slice(SHARE.length, end) }
}

/** Whether it is a valid topic of a publication. */
export const isPublishable = (topic: string): boolean => isValidTopic(topic) && !hasControlCharacter(topic)

/**
 * Whether every topic that `requested` matches is matched by `granted` too. Both are valid filters without `$share`; a
 * topic is a filter that matches itself. Matching one filter against the other is not the same: `a/+` would match `a/#`.
 */
export function containsFilter(granted: string, requested: string): boolean {
  const wide = levelsOf(granted)
  const narrow = levelsOf(requested)
  // [MQTT-4.7.2-1]: what begins with a wildcard matches no topic that begins with `$`.
  if (isWildcard(wide[0]) && requested.startsWith('$')) return false
  for (let i = 0; i < wide.length; i++) {
    // [MQTT-4.7.1-2]: `a/#` matches `a` as well.
    if (wide[i] === '#') return true
    if (i >= narrow.length || narrow[i] === '#') return false
    if (wide[i] !== '+' && wide[i] !== narrow[i]) return false
  }
  return wide.length === narrow.length
}

const isWildcard = (level: string | undefined): boolean => level === '+' || level === '#'

/** `#` alone is `+/#`, and `/#` is `/+/#`: no topic is empty [MQTT-4.7.3-1]. */
function levelsOf(filter: string): string[] {
  if (filter === '#') return ['+', '#']
  return filter === '/#' ? ['', '+', '#'] : filter.split('/')
}
