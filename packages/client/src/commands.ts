import type { AnyDeviceType, Codec } from '@devicehub/core/definition'
import { DeviceHubError } from '@devicehub/core/definition'

/** A command as its handler gets it. */
export interface ReceivedCommand<Name extends string = string, Payload = unknown> {
  readonly command: Name
  /** As the command's schema gives it; undefined for a command without a payload. */
  readonly payload: Payload
  /** Null when the sender gave none. */
  readonly id: string | null
  readonly expiresAt: Date | null
}

export type AnyCommandHandler = (command: ReceivedCommand) => unknown

export interface CommandMessage {
  readonly payload: Uint8Array
  readonly retained: boolean
  readonly contentType: string | undefined
}

export interface CommandsOptions {
  /** Null in the untyped form: payloads are passed on as they come. */
  readonly type: AnyDeviceType | null
  readonly codec: Codec
  /** Handlers whose promise is pending at once; past it commands are refused. */
  readonly maxRunning: number
  readonly onError: (error: DeviceHubError) => void
}

/** What arrives on `cmd`: decoded, validated and handed to the handler of its name, or reported and not executed. */
export interface Commands {
  /** One handler a command; returns how to take it away. */
  handle(name: string, handler: AnyCommandHandler): () => void
  receive(message: CommandMessage): void
  /** Resolves when no handler is running. */
  idle(): Promise<void>
}

/** The part of a zod schema that is used here; the schema comes with the device type. */
interface Schema {
  safeParse(
    value: unknown,
  ):
    | { readonly success: true; readonly data: unknown }
    | { readonly success: false; readonly error: { readonly issues: readonly Issue[] } }
}

interface Issue {
  readonly path: readonly PropertyKey[]
  readonly message: string
}

export function createCommands(options: CommandsOptions): Commands {
  const { type, codec, maxRunning, onError } = options
  const handlers = new Map<string, AnyCommandHandler>()
  let running = 0
  let waiting: (() => void)[] = []

  function receive(message: CommandMessage): void {
    try {
      const command = validate(parse(message))
      const handler = handlers.get(command.command)
      if (handler === undefined)
        throw refusal(
          'invalid_payload',
          command,
          `no handler is registered for it: call onCommand('${command.command}', ...) before connect()`,
        )
      if (running >= maxRunning)
        throw refusal(
          'handler_failed',
          command,
          `${running} commands are running already (maxRunningCommands)`,
        )
      run(handler, command)
    } catch (error) {
      onError(error as DeviceHubError)
    }
  }

  function parse(message: CommandMessage): ReceivedCommand {
    let value: unknown
    try {
      value = codec.decode(message.payload, { channel: 'cmd', contentType: message.contentType })
    } catch (cause) {
      throw new DeviceHubError(
        'invalid_payload',
        `a message on the command topic cannot be read as ${codec.name}`,
        { cause },
      )
    }
    if (!isRecord(value) || typeof value.command !== 'string')
      throw new DeviceHubError(
        'invalid_payload',
        'a message on the command topic is not {"command": "...", "payload": ...}',
      )
    const { command, payload, id, expires_at: expiry } = value
    const received = {
      command,
      payload,
      id: typeof id === 'string' ? id : null,
      expiresAt: parseExpiry(expiry),
    }
    // It would be executed again at each reconnect.
    if (message.retained)
      throw refusal('invalid_payload', received, 'it is retained on the broker, and commands must not be')
    return received
  }

  function validate(received: ReceivedCommand): ReceivedCommand {
    const { command, expiresAt } = received
    if (expiresAt !== null && Number.isNaN(expiresAt.getTime()))
      throw refusal('invalid_payload', received, 'its expires_at is neither RFC 3339 nor an epoch number')
    if (expiresAt !== null && expiresAt.getTime() <= Date.now())
      throw refusal(
        'invalid_payload',
        received,
        `it expired at ${expiresAt.toISOString()}, by the clock of this device`,
      )
    if (type === null) return received
    const declared = Object.hasOwn(type.commands, command) ? type.commands[command] : undefined
    if (declared === undefined)
      throw refusal(
        'invalid_payload',
        received,
        `${type.name} has no such command; it has ${Object.keys(type.commands).join(', ') || 'none'}`,
      )
    if (declared.payload === null) return { ...received, payload: undefined }
    const result = (declared.payload as Schema).safeParse(received.payload)
    if (result.success) return { ...received, payload: result.data }
    const issues = result.error.issues.map(
      ({ path, message }) => `${['payload', ...path].join('.')}: ${message}`,
    )
    throw refusal('invalid_payload', received, issues.join('; '))
  }

  function run(handler: AnyCommandHandler, command: ReceivedCommand): void {
    running++
    // `then` calls the handler in a turn of its own, so that what it throws is a rejection like any other.
    Promise.resolve(command)
      .then(handler)
      .catch((cause: unknown) => {
        const reason = cause instanceof Error ? cause.message : String(cause)
        onError(refusal('handler_failed', command, `its handler failed: ${reason}`, cause))
      })
      .finally(() => {
        running--
        if (running > 0) return
        const ready = waiting
        waiting = []
        for (const resolve of ready) resolve()
      })
  }

  return {
    handle(name, handler) {
      if (typeof handler !== 'function')
        throw new DeviceHubError('invalid_options', `the handler of the command ${name} is not a function`)
      if (type !== null && !Object.hasOwn(type.commands, name))
        throw new DeviceHubError(
          'invalid_options',
          `${type.name} has no command '${name}'; it has ${Object.keys(type.commands).join(', ') || 'none'}`,
        )
      if (handlers.has(name))
        throw new DeviceHubError(
          'invalid_options',
          `the command ${name} has a handler already; one executes it`,
        )
      handlers.set(name, handler)
      return () => {
        if (handlers.get(name) === handler) handlers.delete(name)
      }
    },
    receive,
    idle: () => (running === 0 ? Promise.resolve() : new Promise<void>((resolve) => waiting.push(resolve))),
  }
}

function refusal(
  code: 'invalid_payload' | 'handler_failed',
  received: ReceivedCommand,
  why: string,
  cause?: unknown,
): DeviceHubError {
  const { command, id } = received
  const name = id === null ? `the command ${command}` : `the command ${command} (${id})`
  const what = code === 'handler_failed' && cause !== undefined ? 'failed' : 'was not executed'
  return new DeviceHubError(code, `${name} ${what}: ${why}`, { details: { command, id }, cause })
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

function parseExpiry(value: unknown): Date | null {
  if (value === undefined || value === null) return null
  if (typeof value === 'number') return new Date(value < 1e11 ? value * 1000 : value)
  return new Date(typeof value === 'string' ? value : Number.NaN)
}
