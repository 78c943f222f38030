import { accept, anything, mapOf, optional, options as optionRule, text } from '../check/index.js'
import { jsonCodec } from '../codec/json.js'
import { optionOf } from '../device-type/default-options.js'
import type { AnyDeviceType } from '../device-type/device-type.js'
import { CHANNELS, type Channel, INBOUND_CHANNELS } from '../topic/channel.js'
import {
  DEFAULT_TOPIC_PREFIX,
  parsePrefix,
  parseTemplate,
  resolveTemplate,
  templateOf,
} from '../topic/template.js'
import { acceptTypes } from '../topic/topic-rules.js'
import type { JsonSchema } from './field-schema.js'
import { dataSchema, jsonSchema } from './json-schema.js'

/** What an AsyncAPI document says beside the types. */
export interface AsyncApiOptions {
  /** Of the API it describes. */
  readonly title: string
  /** Of the API it describes, such as `1.0.0`. */
  readonly version: string
  /** A sentence or more, in Markdown. */
  readonly description?: string | undefined
  /** Default `things`. */
  readonly prefix?: string | undefined
  /** By name; the channels of a type refer to the one its `broker` option names. */
  readonly servers?: Readonly<Record<string, AsyncApiServer>> | undefined
}

/** A broker, as an AsyncAPI document names it. */
export interface AsyncApiServer {
  /** `broker.example.com:8883`. */
  readonly host: string
  /** `mqtt`, or `secure-mqtt` over TLS. */
  readonly protocol: string
  /** Such as `5` or `3.1.1`. */
  readonly protocolVersion?: string | undefined
  /** For people. */
  readonly description?: string | undefined
}

/** An AsyncAPI 3.0 document, ready for `JSON.stringify`. */
export interface AsyncApiDocument {
  /** Version of the format. */
  readonly asyncapi: '3.0.0'
  /** Title, version and description as given. */
  readonly info: { readonly title: string; readonly version: string; readonly description?: string }
  /** `application/json`, unless a message says otherwise. */
  readonly defaultContentType: string
  /** The brokers as given. */
  readonly servers?: Readonly<Record<string, AsyncApiServer>>
  /** One for each type and channel, with its topic. */
  readonly channels: Readonly<Record<string, unknown>>
  /** What devices send and receive. */
  readonly operations: Readonly<Record<string, unknown>>
  /** The messages and the schemas of their payloads, which channels refer to. */
  readonly components: {
    readonly messages: Readonly<Record<string, unknown>>
    readonly schemas: Readonly<Record<string, unknown>>
  }
}

const ASYNC_API = optionRule<AsyncApiOptions>({
  title: text(),
  version: text({ max: 255 }),
  description: optional(text({ min: 0 })),
  // Its own check names what is wrong with it.
  prefix: optional(anything<string>()),
  servers: optional(
    mapOf(
      optionRule<AsyncApiServer>({
        host: text(),
        protocol: text({ max: 255 }),
        protocolVersion: optional(text({ max: 255 })),
        description: optional(text({ min: 0 })),
      }),
      'an object of servers by name',
    ),
  ),
})

/**
 * An AsyncAPI 3.0 document of the hub's MQTT side: what it receives from devices and sends to them.
 *
 * @example
 * import { asyncApi } from '@devicehub/core'
 * import { WeatherStation } from './hub.js'
 *
 * JSON.stringify(asyncApi([WeatherStation], { title: 'Weather', version: '1.0.0' }))
 */
export function asyncApi(types: Iterable<AnyDeviceType>, given: AsyncApiOptions): AsyncApiDocument {
  const options = accept('asyncApi', 'options', ASYNC_API, given)
  const parts = acceptTypes('asyncApi', types)
    .filter((type) => !type.abstract)
    .map((type) => describeType(type, options))
  const join = (part: 'channels' | 'operations' | 'messages' | 'schemas') =>
    Object.assign({}, ...parts.map((described) => described[part])) as Record<string, unknown>
  const { title, version, description, servers } = options
  return {
    asyncapi: '3.0.0',
    info: { title, version, ...(description === undefined ? {} : { description }) },
    defaultContentType: jsonCodec.contentType,
    ...(servers === undefined ? {} : { servers }),
    channels: join('channels'),
    operations: join('operations'),
    components: { messages: join('messages'), schemas: join('schemas') },
  }
}

const PURPOSES: Readonly<Record<Channel, string>> = {
  data: 'Readings, one sample or a backfill',
  status: 'What the device says of itself; its will too',
  cmd: 'A command for the device',
  response: 'How a command went',
  state: 'The state the device reports',
  desired: 'The state the device should take; retained',
}

const ref = (path: string): JsonSchema => ({ $ref: `#/${path}` })

function describeType(type: AnyDeviceType, { prefix = DEFAULT_TOPIC_PREFIX, servers = {} }: AsyncApiOptions) {
  const { sample, commands: _, ...payloads } = jsonSchema(type, { target: 'draft-7' })
  const hasCommands = Object.keys(type.commands).length > 0
  const hasState = type.stateNames.length > 0
  const used = CHANNELS.filter((channel) => {
    if (channel === 'cmd' || channel === 'response') return hasCommands
    return channel === 'state' || channel === 'desired' ? hasState : true
  })
  const channels: Record<string, unknown> = {}
  const operations: Record<string, unknown> = {}
  const messages: Record<string, unknown> = {}
  const sampleRef = ref(`components/schemas/${type.key}_sample`)
  const schemas: Record<string, unknown> = { [`${type.key}_sample`]: sample }
  const broker = optionOf(type, 'broker')
  for (const channel of used) {
    const name = `${type.key}_${channel}`
    const inbound = (INBOUND_CHANNELS as readonly string[]).includes(channel)
    schemas[name] = channel === 'data' ? dataSchema(type, sampleRef, sampleRef) : payloads[channel]
    messages[name] = {
      name,
      title: `${type.name} ${channel}`,
      summary: PURPOSES[channel],
      contentType: optionOf(type, 'codec').contentType,
      payload: ref(`components/schemas/${name}`),
    }
    channels[name] = {
      address: addressOf(type, prefix, channel),
      messages: { [name]: ref(`components/messages/${name}`) },
      parameters: { device_id: { description: `The id of the ${type.name}: letters, digits, _ and -` } },
      ...(Object.hasOwn(servers, broker) ? { servers: [ref(`servers/${broker}`)] } : {}),
    }
    operations[`${inbound ? 'receive' : 'send'}_${name}`] = {
      action: inbound ? 'receive' : 'send',
      channel: ref(`channels/${name}`),
      summary: PURPOSES[channel],
      messages: [ref(`channels/${name}/messages/${name}`)],
      bindings: { mqtt: { qos: 1, retain: channel === 'desired', bindingVersion: '0.2.0' } },
      ...(channel === 'cmd' ? { reply: { channel: ref(`channels/${type.key}_response`) } } : {}),
    }
  }
  return { channels, operations, messages, schemas }
}

const addressOf = (type: AnyDeviceType, prefix: string, channel: Channel): string =>
  resolveTemplate(parseTemplate(templateOf(type)), parsePrefix(prefix), type.key)
    .map((level) =>
      level.kind === 'literal' ? level.text : level.kind === 'device' ? '{device_id}' : channel,
    )
    .join('/')
