import type { OwnMessage } from '../ingest/own-message.js'
import { encodeWith } from '../model/codec/run-codec.js'
import { optionOf } from '../model/device-type/default-options.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import { topicOf } from '../model/topic/build-topic.js'
import type { Channel } from '../model/topic/index.js'
import type { CommandChange, CommandRecord } from '../ports/commands.js'
import type { OutboundMessage } from '../ports/transport.js'
import { fromJson } from '../rules/command-info.js'

export interface CommandMessageContext {
  readonly topicPrefix: string
  readonly deviceIdMaxLength: number
}

/**
 * A command on the wire. The first two fields are all that plain firmware needs; the id is what a reply names, and
 * `expires_at` when nobody waits for it any more. With MQTT 5 the device's `response` topic and the id come as
 * properties too.
 */
export function commandMessage(
  type: AnyDeviceType,
  record: CommandRecord,
  now: number,
  { topicPrefix: prefix, deviceIdMaxLength }: CommandMessageContext,
): OutboundMessage {
  const codec = optionOf(type, 'codec')
  const topic = (channel: Channel) => topicOf(type, record.deviceId, channel, { prefix, deviceIdMaxLength })
  const validFor = Math.min(record.timeout, Math.max(record.expiresIn, 1))
  const payload = fromJson(record.payload)
  const message = {
    command: record.command,
    ...(payload === null ? {} : { payload }),
    id: record.id,
    expires_at: new Date(now + validFor).toISOString(),
  }
  return {
    topic: topic('cmd'),
    payload: encodeWith(codec, message, { channel: 'cmd' }),
    qos: type.commands[record.command]?.qos ?? 1,
    contentType: codec.contentType,
    correlationId: record.id,
    responseTopic: topic('response'),
    userProperties: { command: record.command },
    expiresIn: `${Math.ceil(validFor)}ms`,
  }
}

/** The log's row of a publication. */
export const sentMessage = (
  type: AnyDeviceType,
  record: CommandRecord,
  message: OutboundMessage,
  now: number,
): OwnMessage => ({
  type,
  deviceId: record.deviceId,
  channel: 'cmd',
  direction: 'out',
  source: 'commands',
  message,
  now,
  command: {
    id: record.id,
    to: 'sent',
    from: ['queued', 'sent'],
    at: now,
    dueIn: record.timeout,
    reply: false,
  },
})

/** The log's row of what the hub decided of a command. */
export function decidedMessage(
  type: AnyDeviceType,
  record: CommandRecord,
  change: Pick<CommandChange, 'to' | 'from' | 'reason' | 'attempts'>,
  now: number,
  topic: string,
): OwnMessage {
  const { id, command, deviceId } = record
  const { to: state, reason = null } = change
  const payload = JSON.stringify({ id, command, state, ...(reason === null ? {} : { reason }) })
  const message = { topic, payload, contentType: 'application/json', correlationId: id }
  return {
    type,
    deviceId,
    channel: 'cmd',
    direction: 'hub',
    source: 'commands',
    message,
    now,
    command: { ...change, id, at: now, reply: false },
  }
}
