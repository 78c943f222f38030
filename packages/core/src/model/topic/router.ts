import type { AnyDeviceType } from '../device-type/device-type.js'
import { DeviceHubError } from '../errors.js'
import { type Channel, isChannel } from './channel.js'
import { DEVICE_ID_MAX_LENGTH, isValidDeviceId } from './device-id.js'
import { explainTopic, type TopicRefusal } from './explain-topic.js'
import {
  DEFAULT_TOPIC_PREFIX,
  parsePrefix,
  parseTemplate,
  type ResolvedLevel,
  resolveTemplate,
  templateOf,
} from './template.js'
import { acceptTopic, acceptTypes, type TopicOptions } from './topic-rules.js'

/** What a topic says. */
export interface TopicRoute {
  /** The type it names. */
  readonly type: AnyDeviceType
  /** The device it names; the device need not exist. */
  readonly deviceId: string
  /** The channel it names. */
  readonly channel: Channel
}

/** `'code' in result` tells the two apart. Never throws, whatever the topic. */
export type TopicRouter = (topic: string) => TopicRoute | TopicRefusal

/** One level of a topic; what can follow it. */
interface Node {
  readonly literals: Map<string, Node>
  device: Node | null
  channel: Node | null
  type: AnyDeviceType | null
}

const makeNode = (): Node => ({ literals: new Map(), device: null, channel: null, type: null })

/**
 * Finds the type, device and channel of a topic, for all types at once. The types' templates are merged into a tree of
 * levels, so that the number of types costs nothing. `invalid_definition` when a topic could belong to two types.
 */
export function createTopicRouter(types: Iterable<AnyDeviceType>, given: TopicOptions = {}): TopicRouter {
  const options = acceptTopic('createTopicRouter', given)
  const prefix = parsePrefix(options.prefix ?? DEFAULT_TOPIC_PREFIX)
  const maxLength = options.deviceIdMaxLength ?? DEVICE_ID_MAX_LENGTH
  const concrete = acceptTypes('createTopicRouter', types).filter((type) => !type.abstract)
  const patterns = concrete.map((type) => ({
    type,
    levels: resolveTemplate(parseTemplate(templateOf(type)), prefix, type.key),
  }))
  assertUnambiguous(patterns)
  const root = makeNode()
  for (const { type, levels } of patterns) insert(root, levels, type)

  // Set while a topic is matched; a router is not reentrant, and matching allocates nothing but the result.
  let deviceId = ''
  let channel: Channel = 'data'

  function match(node: Node, topic: string, start: number): AnyDeviceType | null {
    const slash = topic.indexOf('/', start)
    const last = slash === -1
    const level = topic.slice(start, last ? topic.length : slash)
    const literal = node.literals.get(level)
    if (literal !== undefined) {
      const found = last ? literal.type : match(literal, topic, slash + 1)
      if (found !== null) return found
    }
    if (node.channel !== null && isChannel(level)) {
      const found = last ? node.channel.type : match(node.channel, topic, slash + 1)
      if (found !== null) {
        channel = level
        return found
      }
    }
    if (node.device !== null && isValidDeviceId(level, maxLength)) {
      const found = last ? node.device.type : match(node.device, topic, slash + 1)
      if (found !== null) {
        deviceId = level
        return found
      }
    }
    return null
  }

  return (topic) => {
    const type = typeof topic === 'string' ? match(root, topic, 0) : null
    return type === null ? explainTopic(topic, concrete, prefix, maxLength) : { type, deviceId, channel }
  }
}

function insert(root: Node, levels: readonly ResolvedLevel[], type: AnyDeviceType): void {
  let node = root
  for (const level of levels) {
    let next: Node | null | undefined
    if (level.kind === 'literal') {
      next = node.literals.get(level.text)
      if (next === undefined) {
        next = makeNode()
        node.literals.set(level.text, next)
      }
    } else {
      next = node[level.kind] ??= makeNode()
    }
    node = next
  }
  node.type = type
}

interface Pattern {
  readonly type: AnyDeviceType
  readonly levels: readonly ResolvedLevel[]
}

/** Two types whose templates admit one and the same topic. */
function assertUnambiguous(patterns: readonly Pattern[]): void {
  // Types of one template differ in their own name; only what differs in shape has to be compared pair by pair.
  const byLevels = new Map<string, Pattern>()
  const shapes = new Map<string, Pattern[]>()
  for (const pattern of patterns) {
    const path = pattern.levels
      .map((level) => (level.kind === 'literal' ? level.text : `{${level.kind}}`))
      .join('/')
    const same = byLevels.get(path)
    if (same !== undefined) throw ambiguous(same, pattern)
    byLevels.set(path, pattern)
    const shape = pattern.levels.map((level) => level.kind[0]).join('')
    shapes.set(shape, [...(shapes.get(shape) ?? []), pattern])
  }
  const groups = [...shapes.values()]
  groups.forEach((group, index) => {
    for (const other of groups.slice(index + 1)) {
      for (const a of group) for (const b of other) if (overlap(a.levels, b.levels)) throw ambiguous(a, b)
    }
  })
}

/** Patterns of one shape overlap only when they are equal, for their literals are at the same places. */
function overlap(a: readonly ResolvedLevel[], b: readonly ResolvedLevel[]): boolean {
  return a.length === b.length && a.every((level, index) => meet(level, b[index] as ResolvedLevel))
}

function meet(a: ResolvedLevel, b: ResolvedLevel): boolean {
  if (a.kind === 'literal') return b.kind === 'literal' ? a.text === b.text : admits(b, a.text)
  // The name of every channel could be a device's id.
  return b.kind === 'literal' ? admits(a, b.text) : true
}

const admits = (level: ResolvedLevel, text: string): boolean =>
  level.kind === 'device' ? isValidDeviceId(text, Number.POSITIVE_INFINITY) : isChannel(text)

function ambiguous(a: Pattern, b: Pattern): DeviceHubError {
  return new DeviceHubError(
    'invalid_definition',
    `A topic could belong to ${a.type.name} ("${templateOf(a.type)}") or to ${b.type.name} ("${templateOf(b.type)}"); add {type_name} or a level of its own to one of the templates`,
    { details: { types: [a.type.name, b.type.name] } },
  )
}
