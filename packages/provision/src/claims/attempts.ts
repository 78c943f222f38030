import type { Clock } from '@devicehub/core'

export interface Attempts {
  /** Seconds until the address may try again; null: now. */
  blockedFor(address: string): number | null
  failed(address: string): void
}

export interface AttemptsOptions {
  readonly clock: Clock
  /** Failures a minute of one address; past it the address waits for the minute to end. */
  readonly perMinute: number
  /** Addresses remembered; past it the one that failed first is forgotten. */
  readonly max: number
}

const MINUTE = 60_000

export function createAttempts({ clock, perMinute, max }: AttemptsOptions): Attempts {
  const failures = new Map<string, { count: number; readonly until: number }>()

  return {
    blockedFor(address) {
      const entry = failures.get(networkOf(address))
      const left = entry === undefined ? 0 : entry.until - clock.now()
      return entry === undefined || left <= 0 || entry.count < perMinute ? null : Math.ceil(left / 1000)
    },
    failed(address) {
      const network = networkOf(address)
      const now = clock.now()
      const entry = failures.get(network)
      if (entry !== undefined && entry.until > now) {
        entry.count++
        return
      }
      failures.delete(network)
      failures.set(network, { count: 1, until: now + MINUTE })
      if (failures.size > max) for (const oldest of failures.keys()) return void failures.delete(oldest)
    },
  }
}

/** Of IPv6 the first 64 bits: whoever has one address there has all of them. */
export function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address
  const [head = '', tail] = address.toLowerCase().split('%', 1)[0]?.split('::') ?? []
  const before = head === '' ? [] : head.split(':')
  const after = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(0, 8 - before.length - after.length)
  const groups = [...before, ...Array<string>(zeros).fill('0'), ...after]
  return `${groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')}::/64`
}
