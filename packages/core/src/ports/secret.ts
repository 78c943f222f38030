/**
 * A value that is shown to who asks for it by name, and to nobody else: printed, put in a text, turned into JSON, spread
 * or cloned it is `[secret]` or nothing.
 */
export interface Secret<T> {
  /** The value. It is the caller's to keep out of logs from here on. */
  reveal(): T
}

const SHOWN = '[secret]'

class Hidden<T> implements Secret<T> {
  readonly #value: T

  constructor(value: T) {
    this.#value = value
  }

  reveal(): T {
    return this.#value
  }

  toString(): string {
    return SHOWN
  }

  toJSON(): string {
    return SHOWN
  }

  [Symbol.toPrimitive](): string {
    return SHOWN
  }

  /** What Node prints. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return SHOWN
  }

  get [Symbol.toStringTag](): string {
    return 'Secret'
  }
}

/**
 * Hides a value from logs, JSON and templates; `reveal()` gives it back.
 *
 * @example
 * import { secretOf } from '@devicehub/core/transport'
 *
 * const password = secretOf('hunter2')
 * console.log(`${password}`, password.reveal()) // [secret] hunter2
 */
export const secretOf = <T>(value: T): Secret<T> => Object.freeze(new Hidden(value))
