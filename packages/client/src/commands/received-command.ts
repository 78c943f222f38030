import { type Codec, DeviceHubError } from '@devicehub/core/definition'
import { decodeWith, parseTimestamp } from '@devicehub/core/transport'
import { isRecord } from '../is-record.js'
import { contextOf, type ReceivedMessage } from '../received-message.js'

/** What a handler gets beside the payload. */
export interface ReceivedCommand<Name extends string = string> {
  /** The name of the command. */
  readonly command: Name
  /** Null when the sender gave none; then no reply is sent. */
  readonly id: string | null
  /** After this time the command is not executed any more; null: it does not expire. */
  readonly expiresAt: Date | null
  /** Aborted when the client closes and no longer waits for the handler. */
  readonly signal: AbortSignal
}

export interface CommandMessage extends ReceivedMessage {
  readonly retained: boolean
  /** MQTT 5. The sender's response topic is not here: a device answers on its own topic only, see `replies.ts`. */
  readonly correlationData?: Uint8Array | undefined
}

export interface ParsedCommand {
  readonly command: string
  readonly payload: unknown
  readonly id: string | null
  /** Null: none was given. Undefined: it was, and is no time. */
  readonly expiresAt: Date | null | undefined
  readonly correlationData: Uint8Array | null
}

/** `invalid_payload` for a payload that is not a command. */
export function parseCommand(message: CommandMessage, codec: Codec): ParsedCommand {
  let value: unknown
  try {
    value = decodeWith(codec, message.payload, contextOf(message, 'cmd'))
  } catch (cause) {
    const what = `a message on the command topic cannot be read as ${codec.name}`
    throw new DeviceHubError('invalid_payload', what, { cause })
  }
  if (!isRecord(value) || typeof value.command !== 'string')
    throw new DeviceHubError(
      'invalid_payload',
      'a message on the command topic is not {"command": "...", "payload": ...}',
    )
  const { command, payload, id, expires_at: expiry } = value
  const correlationData = message.correlationData ?? null
  return {
    command,
    payload,
    id: isId(id) ? id : idIn(correlationData),
    expiresAt: parseExpiry(expiry),
    correlationData,
  }
}

/** Of the command as errors name it. */
export const nameOf = ({ command, id }: Pick<ParsedCommand, 'command' | 'id'>): string =>
  id === null ? `the command ${command}` : `the command ${command} (${id})`

const isId = (id: unknown): id is string => typeof id === 'string' && id.length >= 1 && id.length <= 128

function idIn(correlationData: Uint8Array | null): string | null {
  if (correlationData === null) return null
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(correlationData)
    return isId(text) && !/\p{C}/u.test(text) ? text : null
  } catch {
    // Bytes of the sender's own.
    return null
  }
}

function parseExpiry(value: unknown): Date | null | undefined {
  if (value === undefined || value === null) return null
  const time = parseTimestamp(value)
  return time === undefined ? undefined : new Date(time)
}
