import type { z } from 'zod'
import { asyncProblem } from '../codec/run-schema.js'
import { DeviceHubError } from '../errors.js'
import type { AnyCommand } from './device-type.js'

export interface CommandOptions<Payload extends z.ZodType | null, Result extends z.ZodType | null> {
  /** A zod schema of what the device gets; default: the command takes no payload. */
  readonly payload?: Payload | undefined
  /** A zod schema of what the device answers; default: anything. */
  readonly result?: Result | undefined
  readonly description?: string | undefined
  /** Default 1. With 0 a command can be lost without anybody noticing before its timeout. */
  readonly qos?: 0 | 1 | 2 | undefined
}

export interface Command<
  Payload extends z.ZodType | null = z.ZodType | null,
  Result extends z.ZodType | null = z.ZodType | null,
> extends AnyCommand {
  readonly payload: Payload
  readonly result: Result
}

export type Commands = Readonly<Record<string, Command>>

/**
 * Something a device can be told to do.
 *
 * @example
 * commands: {
 *   reboot: command(),
 *   set_interval: command({ payload: z.object({ interval: z.int().positive() }) }),
 * }
 */
export function command<Payload extends z.ZodType | null = null, Result extends z.ZodType | null = null>(
  options: CommandOptions<Payload, Result> = {},
): Command<NoInfer<Payload>, NoInfer<Result>> {
  const { payload = null, result = null, description = null, qos = 1 } = options
  assertSchema('payload', payload)
  assertSchema('result', result)
  if (qos !== 0 && qos !== 1 && qos !== 2) throw invalid(`qos is 0, 1 or 2, not ${String(qos)}`)
  if (description !== null && typeof description !== 'string') throw invalid('description is a text')
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
  if (schema === null || hasSafeParse(schema)) return
  throw invalid(`${name} is a zod schema such as z.object({ interval: z.int() })`)
}

/** Not `instanceof`: another copy of zod is as good. */
const hasSafeParse = (value: unknown): boolean =>
  typeof value === 'object' &&
  value !== null &&
  typeof (value as { safeParse?: unknown }).safeParse === 'function'

const invalid = (message: string) => new DeviceHubError('invalid_definition', `command(): ${message}`)
