/** The shape of pino's logger: an object of fields, then a message. */
export interface Logger {
  debug(fields: object, message?: string): void
  info(fields: object, message?: string): void
  warn(fields: object, message?: string): void
  error(fields: object, message?: string): void
}

const ignore = () => {}

export const silentLogger: Logger = { debug: ignore, info: ignore, warn: ignore, error: ignore }

/** The default: warnings and errors as one JSON line each on standard error. */
export const consoleLogger: Logger = {
  debug: ignore,
  info: ignore,
  warn: (fields, message) => write('warn', fields, message),
  error: (fields, message) => write('error', fields, message),
}

function write(level: string, fields: object, message: string | undefined): void {
  const line: Record<string, unknown> = { level, time: new Date().toISOString(), message }
  for (const [name, value] of Object.entries(fields))
    line[name] = value instanceof Error ? describe(value) : value
  console.error(JSON.stringify(line))
}

const describe = (error: Error) => ({
  message: error.message,
  code: (error as { code?: unknown }).code,
  stack: error.stack,
})
