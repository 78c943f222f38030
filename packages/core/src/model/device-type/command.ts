import type { z } from 'zod'
import { accept, anything, optional, options, text, word } from '../check/index.js'
import { asyncProblem } from '../codec/run-schema.js'
import { DeviceHubError } from '../errors.js'
import type { AnyCommand } from './device-type.js'
import { isSchema } from './make-field.js'

/** What a command takes and answers. */
export interface CommandOptions<Payload extends z.ZodType | null, Result extends z.ZodType | null> {
  /** A zod schema of what the device gets; default: the command takes no payload. */
  readonly payload?: Payload | undefined
  /** A zod schema of what the device answers; default: anything. */
  readonly result?: Result | undefined
  /** For people and for documents such as AsyncAPI. */
  readonly description?: string | undefined
  /** Default 1. With 0 a command can be lost without anybody noticing before its timeout. */
  readonly qos?: 0 | 1 | 2 | undefined
}

/** A declared command, with its schemas in its type. */
export interface Command<
  Payload extends z.ZodType | null = z.ZodType | null,
  Result extends z.ZodType | null = z.ZodType | null,
> extends AnyCommand {
  /** Schema of what the caller gives; null: the command takes no payload. */
  readonly payload: Payload
  /** Schema of what the device answers; null: anything. */
  readonly result: Result
}

/** Commands by name. */
export type Commands = Readonly<Record<string, Command>>

// Whether they are schemas, and synchronous ones, is looked at below.
const COMMAND = options<CommandOptions<z.ZodType | null, z.ZodType | null>>({
  payload: optional(anything<z.ZodType | null>()),
  result: optional(anything<z.ZodType | null>()),
  description: optional(text({ min: 0 })),
  qos: optional(word(0, 1, 2)),
})

/**
 * Something a device can be told to do.
 *
 * @example
 * import { command } from '@devicehub/core'
 * import { z } from 'zod'
 *
 * const commands = {
 *   reboot: command(),
 *   set_interval: command({ payload: z.object({ interval: z.int().positive() }) }),
 * }
 */
export function command<Payload extends z.ZodType | null = null, Result extends z.ZodType | null = null>(
  given: CommandOptions<Payload, Result> = {},
): Command<NoInfer<Payload>, NoInfer<Result>> {
  const {
    payload = null,
    result = null,
    description = null,
    qos = 1,
  } = accept('command()', 'options', COMMAND, given, 'invalid_definition')
  assertSchema('payload', payload)
  assertSchema('result', result)
  return Object.freeze({
    payload: payload as Payload,
    result: result as Result,
    description,
    qos,
  }) as Command<NoInfer<Payload>, NoInfer<Result>>
}

function assertSchema(name: string, schema: unknown): void {
  const problem = schema === null ? null : asyncProblem(schema)
  if (problem !== null)
    throw invalid(`${name} has ${problem}; a payload or result is checked at once, so write it without await`)
  if (schema === null || isSchema(schema)) return
  throw invalid(`${name} is a zod schema such as z.object({ interval: z.int() })`)
}

const invalid = (message: string) => new DeviceHubError('invalid_definition', `command(): ${message}`)
