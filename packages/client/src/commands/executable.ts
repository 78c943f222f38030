import type { AnyCommand, AnyDeviceType } from '@devicehub/core/definition'
import { checkSchema } from '@devicehub/core/transport'
import type { ParsedCommand, ReceivedCommand } from './received-command.js'

export type AnyCommandHandler = (payload: never, command: ReceivedCommand) => unknown

/** A command that can be executed, or why it is not. */
export type Verdict =
  | { readonly handler: AnyCommandHandler; readonly payload: unknown; readonly declared: AnyCommand | null }
  | { readonly code: 'invalid_payload' | 'handler_failed'; readonly why: string }

export interface ExecutableOptions {
  /** Null in the untyped form: payloads are passed on as they come. */
  readonly type: AnyDeviceType | null
  readonly handlers: ReadonlyMap<string, AnyCommandHandler>
  readonly running: number
  readonly maxPending: number
}

export function judge(received: ParsedCommand, options: ExecutableOptions): Verdict {
  const { type } = options
  const { command, expiresAt } = received
  const unfit = (why: string): Verdict => ({ code: 'invalid_payload', why })
  if (expiresAt === undefined) return unfit('its expires_at is neither RFC 3339 nor an epoch number')
  if (expiresAt !== null && expiresAt.getTime() <= Date.now())
    return unfit(`expired at ${expiresAt.toISOString()}, by the clock of this device`)
  const declared = type === null ? null : declaredIn(type, command)
  if (declared === undefined) return unfit(`${type?.name} has no such command; it has ${namesIn(type)}`)
  const checked = checkPayload(received.payload, declared)
  if ('why' in checked) return unfit(checked.why)
  const handler = options.handlers.get(command)
  if (handler === undefined)
    return unfit(`no handler is registered for it: call onCommand('${command}', ...) before connect()`)
  if (options.running >= options.maxPending)
    return {
      code: 'handler_failed',
      why: `${options.running} commands are running already (maxPendingCommands)`,
    }
  return { handler, payload: checked.payload, declared }
}

export const declaredIn = (type: AnyDeviceType, command: string): AnyCommand | undefined =>
  Object.hasOwn(type.commands, command) ? type.commands[command] : undefined

export const namesIn = (type: AnyDeviceType | null): string =>
  Object.keys(type?.commands ?? {}).join(', ') || 'none'

function checkPayload(
  payload: unknown,
  declared: AnyCommand | null,
): { readonly payload: unknown } | { readonly why: string } {
  if (declared === null) return { payload }
  if (declared.payload === null) return { payload: undefined }
  const checked = checkSchema(declared.payload, payload, 'payload')
  return checked.fits ? { payload: checked.value } : { why: checked.problem }
}

/** Why the result does not fit; null when it does. The hub parses it as well, so it is sent as the handler gave it. */
export function resultProblem(result: unknown, declared: AnyCommand | null): string | null {
  if (declared === null || declared.result === null) return null
  const checked = checkSchema(declared.result, result, 'result')
  return checked.fits ? null : checked.problem
}
