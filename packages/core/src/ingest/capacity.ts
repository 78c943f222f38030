import { createCondition } from '@devicehub-internal/async'
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
  const condition = createCondition()

  const hasRoom = () => held < maxCount && heldBytes < maxBytes
  const isIdle = () => held === 0

  return {
    take(bytes) {
      held++
      heldBytes += bytes
    },
    giveBack(count, bytes) {
      held -= count
      heldBytes -= bytes
      condition.check()
    },
    get hasRoom() {
      return hasRoom()
    },
    get held() {
      return held
    },
    drained: () => condition.when(hasRoom),
    idle: () => condition.when(isIdle),
  }
}
