/** Typed events. What a handler throws goes to `onHandlerError`. */
export interface EventEmitter<Events> {
  on<Name extends keyof Events>(name: Name, handler: (event: Events[Name]) => void): () => void
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void
  has(name: keyof Events): boolean
}

export function createEventEmitter<Events>(onHandlerError: (error: unknown) => void): EventEmitter<Events> {
  const handlers = new Map<keyof Events, Set<(event: never) => void>>()
  return {
    on(name, handler) {
      const ofName = handlers.get(name) ?? new Set()
      handlers.set(name, ofName)
      // A wrapper of its own for each call: the same function may be given twice.
      const own = (event: never) => handler(event)
      ofName.add(own)
      return () => void ofName.delete(own)
    },
    emit(name, event) {
      for (const handler of handlers.get(name) ?? []) {
        try {
          handler(event as never)
        } catch (error) {
          onHandlerError(error)
        }
      }
    },
    has: (name) => (handlers.get(name)?.size ?? 0) > 0,
  }
}
