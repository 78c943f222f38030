import { toLine } from '../codec/text.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import { typeKey } from '../device-type/names.js'
import { CHANNELS, isChannel } from './channel.js'
import { deviceIdProblem } from './device-id.js'
import { isValidTopic } from './mqtt-topic.js'
import { parseTemplate, type TemplateLevel, templateOf } from './template.js'

/** Why a topic belongs to no device. */
export interface TopicRefusal {
  /**
   * `unknown_type`: the shape is right, but no type of that name is registered: it can become right.
   * `unknown_topic`: no template has this shape.
   */
  readonly code: 'invalid_topic' | 'unknown_topic' | 'unknown_type' | 'unknown_channel' | 'invalid_device_id'
  /** A sentence, for the audit row. */
  readonly reason: string
  /** Whose topic it would be; null when that cannot be told. */
  readonly type: AnyDeviceType | null
}

/** How far a topic went before it stopped to fit: the refusal that went farthest is the one to report. */
const RANK = {
  unknown_topic: 0,
  unknown_type: 1,
  unknown_channel: 2,
  invalid_device_id: 3,
  invalid_topic: 4,
} as const

/** Why no type takes a topic. Off the hot path: it looks at each distinct template. */
export function explainTopic(
  topic: string,
  types: readonly AnyDeviceType[],
  prefix: readonly string[],
  maxLength: number,
): TopicRefusal {
  if (!isValidTopic(topic)) {
    return {
      code: 'invalid_topic',
      reason: 'it is no MQTT topic: empty, too long, or with +, #, NUL or broken text',
      type: null,
    }
  }
  const levels = topic.split('/')
  const byTemplate = new Map<string, AnyDeviceType[]>()
  for (const type of types) {
    const template = templateOf(type)
    const group = byTemplate.get(template)
    if (group === undefined) byTemplate.set(template, [type])
    else group.push(type)
  }
  let best: TopicRefusal = {
    code: 'unknown_topic',
    reason: `no device type has a topic of the shape of ${show(topic)}`,
    type: null,
  }
  for (const [template, group] of byTemplate) {
    const pattern = parseTemplate(template).flatMap((level): TemplateLevel[] =>
      level.kind === 'prefix' ? prefix.map((text) => ({ kind: 'literal', text })) : [level],
    )
    const found = compare(levels, pattern, group, maxLength)
    if (found !== null && RANK[found.code] > RANK[best.code]) best = found
  }
  return best
}

function compare(
  levels: readonly string[],
  pattern: readonly TemplateLevel[],
  group: readonly AnyDeviceType[],
  maxLength: number,
): TopicRefusal | null {
  if (levels.length !== pattern.length) return null
  const part: { type?: string; device?: string; channel?: string } = {}
  for (const [index, level] of pattern.entries()) {
    const text = levels[index] as string
    if (level.kind === 'literal') {
      if (level.text !== text) return null
    } else part[level.kind as 'type' | 'device' | 'channel'] = text
  }
  const { type: typeName, device = '', channel = '' } = part
  const type = typeName === undefined ? group[0] : group.find(({ key }) => key === typeName)
  if (type === undefined) {
    const near = group.find(({ key }) => key === typeKey(typeName ?? ''))
    const hint = near ? `the topic level of ${near.name} is "${near.key}"` : `known are ${list(group)}`
    return {
      code: 'unknown_type',
      reason: `no device type "${show(typeName ?? '')}" is registered; ${hint}`,
      type: null,
    }
  }
  const problem = deviceIdProblem(device, maxLength)
  if (problem !== null)
    return { code: 'invalid_device_id', reason: `the device id "${show(device)}" ${problem}`, type }
  if (isChannel(channel)) return null
  return {
    code: 'unknown_channel',
    reason: `there is no channel "${show(channel)}"; the channels are ${CHANNELS.join(', ')}`,
    type,
  }
}

const list = (types: readonly AnyDeviceType[]): string => {
  const names = types.slice(0, 20).map(({ key }) => key)
  return types.length > names.length
    ? `${names.join(', ')} and ${types.length - names.length} more`
    : names.join(', ')
}

const show = (text: string): string => toLine(text, 100)
