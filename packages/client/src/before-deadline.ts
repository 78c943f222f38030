/** Resolves with the promise, or at the deadline (epoch milliseconds) if that comes first. */
export async function beforeDeadline(deadline: number, promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, Math.max(0, deadline - Date.now()))
  })
  await Promise.race([promise, timeout])
  clearTimeout(timer)
}
