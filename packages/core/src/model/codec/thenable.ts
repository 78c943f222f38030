/** What `await` would wait for: a promise, a query builder. May throw where reading a member does. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  ((typeof value === 'object' && value !== null) || typeof value === 'function') &&
  typeof (value as { readonly then?: unknown }).then === 'function'

/** A promise that nobody waits for: its rejection, unhandled, would end the process. */
export function neverUnhandled(promise: PromiseLike<unknown>): void {
  Promise.resolve(promise).catch(() => {})
}
