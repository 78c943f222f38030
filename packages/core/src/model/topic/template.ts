import { showText, showValue } from '../check/show-value.js'
import { optionOf } from '../device-type/default-options.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import { DeviceHubError } from '../errors.js'
import { isValidTopic } from './mqtt-topic.js'

/** The first level of every topic, unless the hub has another. */
export const DEFAULT_TOPIC_PREFIX = 'things'

export type TemplateLevel =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'prefix' | 'type' | 'device' | 'channel' }

const PLACEHOLDERS: ReadonlyMap<string, TemplateLevel> = new Map([
  ['{prefix}', { kind: 'prefix' }],
  ['{type_name}', { kind: 'type' }],
  ['{device_id}', { kind: 'device' }],
  ['{channel}', { kind: 'channel' }],
  // The reference's word for it.
  ['{message_type}', { kind: 'channel' }],
])

/**
 * The levels of a topic template. `{device_id}` and `{channel}` have to be there; `{prefix}` and `{type_name}` may be
 * left out. A placeholder is a whole level, so that nothing in an id can pass for another level. `invalid_topic` otherwise.
 */
export function parseTemplate(template: string): readonly TemplateLevel[] {
  const fail = (why: string) =>
    new DeviceHubError('invalid_topic', `The topic template ${showValue(template)} ${why}`, {
      details: { template: showValue(template) },
    })
  if (typeof template !== 'string') throw fail('is not a text')
  if (!isValidTopic(template)) throw fail('is no MQTT topic: it is empty, too long, or holds +, # or NUL')
  const levels = template.split('/').map((text): TemplateLevel => {
    const placeholder = PLACEHOLDERS.get(text)
    if (placeholder !== undefined) return placeholder
    if (text === '') throw fail('has an empty level; remove the extra /')
    if (/[{}]/.test(text)) {
      throw fail(
        `has the level ${showText(text)}; a level is a plain text or one of ${[...PLACEHOLDERS.keys()].slice(0, 4).join(', ')}`,
      )
    }
    return { kind: 'literal', text }
  })
  if (template.startsWith('$')) throw fail('starts with $; brokers keep such topics for themselves')
  for (const [text, { kind }] of PLACEHOLDERS) {
    const count = levels.filter((level) => level.kind === kind).length
    if (count > 1) throw fail(`has ${text} ${count} times`)
    if (count === 0 && (kind === 'device' || kind === 'channel')) throw fail(`lacks ${text}`)
  }
  return levels
}

/** A prefix may have several levels, such as `acme/things`. */
export function parsePrefix(prefix: string): readonly string[] {
  const levels = typeof prefix === 'string' ? prefix.split('/') : []
  if (levels.length > 0 && !levels.includes('') && isValidTopic(prefix) && !/[${}]/.test(prefix))
    return levels
  throw new DeviceHubError(
    'invalid_topic',
    `The topic prefix ${showValue(prefix)} must be one or more levels such as "things" or "acme/things", without empty levels, wildcards, $ and braces`,
    { details: { prefix: showValue(prefix) } },
  )
}

/** A template with prefix and type filled in. */
export type ResolvedLevel =
  | { readonly kind: 'literal'; readonly text: string }
  | { readonly kind: 'device' | 'channel' }

export const templateOf = (type: AnyDeviceType): string => optionOf(type, 'topicTemplate')

export function resolveTemplate(
  levels: readonly TemplateLevel[],
  prefix: readonly string[],
  typeKey: string,
): readonly ResolvedLevel[] {
  return levels.flatMap((level): ResolvedLevel[] => {
    if (level.kind === 'prefix') return prefix.map((text) => ({ kind: 'literal', text }))
    if (level.kind === 'type') return [{ kind: 'literal', text: typeKey }]
    return [level as ResolvedLevel]
  })
}
