import { expectTypeOf, test } from 'vitest'
import type { LogFields, Logger } from './logger.js'

test('an error is logged as err, and no field takes the name of a part of the line', () => {
  expectTypeOf<{ err: Error; retryInMs: number }>().toExtend<LogFields>()
  expectTypeOf<{ error: Error }>().not.toExtend<LogFields>()
  expectTypeOf<{ error: unknown; path: string }>().not.toExtend<LogFields>()
  expectTypeOf<{ message: string }>().not.toExtend<LogFields>()
  expectTypeOf<{ level: string }>().not.toExtend<LogFields>()
  expectTypeOf<{ time: number }>().not.toExtend<LogFields>()
})

/** As pino declares it, abridged. */
interface PinoFunction {
  <T extends object>(fields: T, message?: string, ...values: unknown[]): void
  (message: string, ...values: unknown[]): void
}

test('pino, and a logger that takes any object, can be given to a hub', () => {
  expectTypeOf<Record<'debug' | 'info' | 'warn' | 'error', PinoFunction>>().toExtend<Logger>()
  expectTypeOf<Record<keyof Logger, (fields: object, message?: string) => void>>().toExtend<Logger>()
  expectTypeOf<
    Record<keyof Logger, (fields: Record<string, unknown>, message?: string) => void>
  >().toExtend<Logger>()
})
