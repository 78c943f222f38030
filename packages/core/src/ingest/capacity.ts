/** How much ingest may hold at once, over all its queues (invariant 5). */
export interface Capacity {
  take(bytes: number): void
  giveBack(count: number, bytes: number): void
  readonly hasRoom: boolean
  /** Items held. */
  readonly held: number
  /** Resolves when there is room. */
  drained(): Promise<void>
  /** Resolves when nothing is held. */
  idle(): Promise<void>
}

export interface CapacityLimits {
  readonly maxCount: number
  readonly maxBytes: number
}

export function createCapacity({ maxCount, maxBytes }: CapacityLimits): Capacity {
  let held = 0
  let heldBytes = 0
  let waiting: { readonly until: () => boolean; readonly resolve: () => void }[] = []

  const hasRoom = () => held < maxCount && heldBytes < maxBytes
  const isIdle = () => held === 0

  const when = (until: () => boolean) =>
    until() ? Promise.resolve() : new Promise<void>((resolve) => waiting.push({ until, resolve }))

  return {
    take(bytes) {
      held++
      heldBytes += bytes
    },
    giveBack(count, bytes) {
      held -= count
      heldBytes -= bytes
      const ready = waiting.filter(({ until }) => until())
      waiting = waiting.filter((waiter) => !ready.includes(waiter))
      for (const { resolve } of ready) resolve()
    },
    get hasRoom() {
      return hasRoom()
    },
    get held() {
      return held
    },
    drained: () => when(hasRoom),
    idle: () => when(isIdle),
  }
}
