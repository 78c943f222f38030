/**
 * Settles as the work does, unless the signal is aborted first: then with what `onAbort` returns or throws, the signal's
 * reason if left out. The work itself goes on: what it rejects with later is dropped.
 */
export async function unlessAborted<Result, Aborted = never>(
  signal: AbortSignal | undefined,
  work: Promise<Result>,
  onAbort: () => Aborted | PromiseLike<Aborted> = () => {
    throw signal?.reason
  },
): Promise<Result | Aborted> {
  if (signal === undefined) return work
  let abort = () => {}
  const aborted = new Promise<'aborted'>((resolve) => {
    abort = () => resolve('aborted')
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort)
  })
  try {
    const first = await Promise.race([aborted, work.then((result) => ({ result }))])
    return first === 'aborted' ? onAbort() : first.result
  } finally {
    // The signal may outlive many waits.
    signal.removeEventListener('abort', abort)
  }
}
