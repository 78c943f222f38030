import { startTimer } from './start-timer.js'

/**
 * Settles as the work does, if that takes at most so many milliseconds; else with what `onLate` returns or throws. The
 * work itself goes on: what it rejects with later is dropped.
 */
export async function withTimeout<Result, Late>(
  milliseconds: number,
  work: Promise<Result>,
  onLate: () => Late | PromiseLike<Late>,
): Promise<Result | Late> {
  let stop = () => {}
  const late = new Promise<'late'>((resolve) => {
    stop = startTimer(milliseconds, () => resolve('late'))
  })
  try {
    const first = await Promise.race([work.then((result) => ({ result })), late])
    return first === 'late' ? onLate() : first.result
  } finally {
    stop()
  }
}

/** Waits for work, at most so many milliseconds: true when it was done by then. Rejects as it does. */
export const doneWithin = (milliseconds: number, work: Promise<unknown>): Promise<boolean> =>
  withTimeout(
    milliseconds,
    work.then(() => true),
    () => false,
  )
