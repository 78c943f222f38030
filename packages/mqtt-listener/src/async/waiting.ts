import { setTimeout as sleep } from 'node:timers/promises'

/** Resolves when the signal is aborted, at once if it is already. */
export function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}

/** Resolves after the time, or as soon as the signal is aborted. It never rejects. */
export async function pause(milliseconds: number, signal: AbortSignal): Promise<void> {
  await sleep(milliseconds, undefined, { signal }).catch(() => {})
}

/** Settles as the work does. Rejects with `lateError()` when the work takes longer than `timeout` milliseconds. */
export async function withTimeout<Result>(
  work: Promise<Result>,
  timeout: number,
  lateError: () => Error,
): Promise<Result> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(lateError()), timeout)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
  }
}

/** Resolves when the work has settled, whichever way, or after `timeout` milliseconds. */
export async function waitAtMost(work: Promise<unknown>, timeout: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, timeout)
  })
  await Promise.race([work, late]).catch(() => {})
  clearTimeout(timer)
}
