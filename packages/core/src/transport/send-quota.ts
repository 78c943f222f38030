import { accept, integer, satisfies } from '../model/check/index.js'
import { DeviceHubError } from '../model/errors.js'

/**
 * How many QoS 1 and 2 publications may be unacknowledged at once: the server's Receive Maximum of the CONNACK
 * [MQTT-3.3.4-9], or less. A publisher takes a place before it sends and gives it back with the acknowledgement.
 */
export interface SendQuota {
  /** Resolves when a place is free, in the order asked. Rejects with the error given to `close`. */
  acquire(): Promise<void>
  /** Takes a place at once if one is free and nobody waits; for a sender that keeps its own queue. */
  tryAcquire(): boolean
  /** Gives a place back, with the acknowledgement. */
  release(): void
  /** A new connection may grant more or less; places that are taken stay so. */
  resize(limit: number): void
  /** Rejects all who wait, and whoever asks later. */
  close(error: Error): void
  /** Places in all. */
  readonly limit: number
  /** Places that are taken. */
  readonly inFlight: number
}

interface Waiter {
  readonly resolve: () => void
  readonly reject: (error: Error) => void
}

/** A quota of `limit` places, 1 to 65,535. */
export function createSendQuota(limit: number): SendQuota {
  let places = checked('createSendQuota', limit)
  let inFlight = 0
  let closed: Error | null = null
  let waiting: Waiter[] = []
  let head = 0

  const hasWaiters = () => head < waiting.length

  function grant(): void {
    while (inFlight < places && hasWaiters()) {
      const waiter = waiting[head++] as Waiter
      inFlight++
      waiter.resolve()
    }
    // Shifting an array of thousands at each grant would be quadratic: the head moves, and the rest follows now and then.
    if (!hasWaiters()) {
      waiting = []
      head = 0
    } else if (head > 1024 && head * 2 > waiting.length) {
      waiting = waiting.slice(head)
      head = 0
    }
  }

  function tryAcquire(): boolean {
    // While somebody waits no place is free: `grant` gives each away as it becomes so.
    if (closed !== null || inFlight >= places) return false
    inFlight++
    return true
  }

  return {
    tryAcquire,
    acquire() {
      if (closed !== null) return Promise.reject(closed)
      if (tryAcquire()) return Promise.resolve()
      return new Promise((resolve, reject) => waiting.push({ resolve, reject }))
    },
    release() {
      // One release too many would let the quota grow for good.
      if (inFlight === 0)
        throw new DeviceHubError(
          'invalid_options',
          'quota.release: there was no acquire() for this release()',
        )
      inFlight--
      grant()
    },
    resize(next) {
      places = checked('quota.resize', next)
      grant()
    },
    close(error) {
      closed ??= accept('quota.close', 'error', ERROR, error)
      const rejected = waiting.slice(head)
      waiting = []
      head = 0
      for (const waiter of rejected) waiter.reject(closed)
    },
    get limit() {
      return places
    },
    get inFlight() {
      return inFlight
    },
  }
}

const ERROR = satisfies<Error>('an Error', (value) => value instanceof Error)
const LIMIT = integer({ min: 1 })

const checked = (call: string, limit: number): number => accept(call, 'limit', LIMIT, limit)
