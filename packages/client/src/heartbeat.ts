/** Sends a sign of life when nothing else was sent for a while. */
export interface Heartbeat {
  /** The broker has confirmed a publication. */
  sign(): void
  /** There is a connection, and the status was announced on it. */
  resume(): void
  pause(): void
}

/** Maximum of `setTimeout`. */
const LONGEST_MS = 2 ** 31 - 1

/** `intervalMs` null: none. The clock is the monotonic one: a device's time may jump. */
export function createHeartbeat(intervalMs: number | null, beat: () => Promise<void>): Heartbeat {
  let last = 0
  let timer: ReturnType<typeof setTimeout> | undefined
  const now = () => performance.now()

  function wait(interval: number): void {
    timer = setTimeout(() => void look(interval), Math.min(LONGEST_MS, Math.max(1, last + interval - now())))
    timer.unref?.()
  }

  async function look(interval: number): Promise<void> {
    const current = timer
    if (now() - last >= interval) {
      // If it cannot be sent now, it waits behind other publications, which are signs of life too.
      await beat().catch(() => {})
      if (timer !== current) return
      last = now()
    }
    wait(interval)
  }

  return {
    sign() {
      last = now()
    },
    resume() {
      last = now()
      if (intervalMs !== null) wait(intervalMs)
    },
    pause() {
      clearTimeout(timer)
      timer = undefined
    },
  }
}
