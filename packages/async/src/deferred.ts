/** A promise together with the two functions that settle it. Settling it again has no effect. */
export interface Deferred<Value = void> {
  readonly promise: Promise<Value>
  readonly resolve: (value: Value) => void
  readonly reject: (error: unknown) => void
}

/** Nobody has to wait for the promise: a rejection that no one handles does not end the process. */
export function deferred<Value = void>(): Deferred<Value> {
  let resolve!: (value: Value) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<Value>((onResolve, onReject) => {
    resolve = onResolve
    reject = onReject
  })
  promise.catch(() => {})
  return { promise, resolve, reject }
}
