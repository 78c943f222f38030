export interface DerivedSignal {
  readonly signal: AbortSignal
  /** Lets go of the signals it follows. */
  dispose(): void
}

/** Aborted with the first of them. `AbortSignal.any` would stay with the one that lives on. */
export function anySignal(...signals: readonly AbortSignal[]): DerivedSignal {
  const any = new AbortController()
  const abort = () => any.abort()
  for (const signal of signals) {
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort)
  }
  return {
    signal: any.signal,
    dispose: () => {
      for (const signal of signals) signal.removeEventListener('abort', abort)
    },
  }
}
