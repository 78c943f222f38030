import type { DecidedReply, FindCommands } from '../ingest/decide-messages.js'
import type { TakenMessage } from '../ingest/taken-message.js'
import { checkSchema } from '../model/codec/check-schema.js'
import type { Reply } from '../model/codec/parse-reply.js'
import { toLine } from '../model/codec/text.js'
import type { AnyDeviceType } from '../model/device-type/device-type.js'
import type { CommandState } from '../model/statuses.js'
import type { CommandChange } from '../ports/commands.js'
import type { Storage } from '../ports/storage.js'
import { toJsonText } from './prepare-payload.js'
import type { CommandTracker } from './tracker.js'

export interface ReplyResolverOptions {
  readonly commands: Pick<Storage['commands'], 'find'>
  readonly tracker: Pick<CommandTracker, 'get'>
  /** Bytes of a result's JSON that the ledger keeps. */
  readonly maxResult: number
}

/** What a reply needs to know of its command: none of it ever changes. */
interface KnownCommand {
  readonly typeKey: string
  readonly deviceId: string
  readonly command: string
}

const UNFINISHED: readonly CommandState[] = ['queued', 'sent', 'accepted']

/**
 * Finds the command of each reply, and plans what becomes of it. A device can only answer for its own commands: the
 * topic says who sends, whatever id it names. Whether the command is still open is decided in the commit.
 */
export function createReplyResolver(options: ReplyResolverOptions): FindCommands {
  const { commands, tracker, maxResult } = options

  async function load(ids: readonly string[]): Promise<ReadonlyMap<string, KnownCommand>> {
    const known = new Map<string, KnownCommand>()
    const missing: string[] = []
    for (const id of ids) {
      const tracked = tracker.get(id)
      if (tracked === undefined) missing.push(id)
      else known.set(id, tracked)
    }
    if (missing.length > 0) for (const record of await commands.find(missing)) known.set(record.id, record)
    return known
  }

  return async (replies) => {
    const known = await load([...new Set(replies.flatMap(({ content: { reply } }) => reply?.id ?? []))])
    return (message) => decideReply(message, known, maxResult)
  }
}

function decideReply(
  { type, deviceId, content: { reply }, receivedAt }: TakenMessage,
  known: ReadonlyMap<string, KnownCommand>,
  maxResult: number,
): DecidedReply {
  const command = reply && known.get(reply.id)
  if (type === null || command?.typeKey !== type.key || command.deviceId !== deviceId) {
    const reason = `${type?.name} ${deviceId} was sent no command of the id "${toLine(reply?.id ?? '')}"`
    return { refusal: { code: 'unknown_command', reason } }
  }
  const { change, flag } = changeOf(type, command.command, reply as Reply, maxResult)
  return { command: { ...change, at: receivedAt }, flag }
}

interface PlannedChange {
  readonly change: Omit<CommandChange, 'at'>
  readonly flag: string | null
}

function changeOf(type: AnyDeviceType, name: string, reply: Reply, maxResult: number): PlannedChange {
  const { id, status, result, error } = reply
  const base = { id, from: UNFINISHED, reply: true }
  if (status === 'accepted') return { change: { ...base, to: status }, flag: null }
  if (status !== 'succeeded') return { change: { ...base, to: status, reason: error }, flag: null }
  const text = resultText(type, name, result, maxResult)
  return typeof text === 'string'
    ? { change: { ...base, to: status, result: text }, flag: null }
    : { change: { ...base, to: 'failed', reason: text.problem }, flag: 'invalid_result' }
}

/** The result as the ledger keeps it: as it was sent, once it is known to fit. */
function resultText(
  type: AnyDeviceType,
  name: string,
  result: unknown,
  maxResult: number,
): string | { readonly problem: string } {
  const text = toJsonText(result)
  if (text === undefined) return { problem: 'invalid_result: the result is not JSON' }
  const bytes = Buffer.byteLength(text)
  if (bytes > maxResult)
    return { problem: `invalid_result: the result has ${bytes} bytes, and ${maxResult} is the limit` }
  const schema = Object.hasOwn(type.commands, name) ? type.commands[name]?.result : null
  if (schema === null || schema === undefined) return text
  const checked = checkSchema(schema, result, 'result')
  return checked.fits ? text : { problem: `invalid_result: ${checked.problem}` }
}
