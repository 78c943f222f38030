import type { Clock } from '@devicehub/core'

/** Ends an attempt that was admitted. Called once, with whether it was refused. */
export type Decided = (refused: boolean) => void

/** Why an attempt is not admitted: too many of its address were refused, or too many wait. */
export type Blocked =
  | { readonly blocked: 'failures'; readonly seconds: number }
  | { readonly blocked: 'full' }

export interface Attempts {
  /**
   * Asks to admit an attempt. Of one address only as many run at once as may still fail; the others wait, so that many
   * attempts at once do not exceed the bound.
   */
  begin(address: string): Promise<Decided | Blocked>
  /** Counts an attempt that failed before it could be checked. */
  failed(address: string): void
}

export interface AttemptsOptions {
  readonly clock: Clock
  /** Failures per minute of one address; beyond it the address waits until the minute ends. */
  readonly perMinute: number
  /** Addresses remembered; beyond it the one that failed first is forgotten. */
  readonly max: number
  /** Attempts that wait for others of their address, of all addresses together. */
  readonly maxQueued: number
  /** Milliseconds that one waits. */
  readonly patience: number
}

const MINUTE = 60_000

interface Network {
  failures: number
  /** When the failures are forgotten. */
  until: number
  /** Running. */
  running: number
  /** Each is called once there may be room. */
  readonly waiting: Set<() => void>
}

export function createAttempts(options: AttemptsOptions): Attempts {
  const { clock, perMinute, max } = options
  /** The one that failed first is the first; one that is in use is not forgotten. */
  const networks = new Map<string, Network>()
  let waiting = 0

  function networkAt(name: string): Network {
    const known = networks.get(name)
    if (known !== undefined) return known
    if (networks.size >= max) forgetOne()
    const made: Network = { failures: 0, until: 0, running: 0, waiting: new Set() }
    networks.set(name, made)
    return made
  }

  function forgetOne(): void {
    for (const [name, network] of networks) if (!isInUse(network)) return void networks.delete(name)
  }

  function failuresOf(network: Network): number {
    const left = network.until - clock.now()
    // A clock that was set back must not keep it blocked for longer.
    if (left <= 0 || left > MINUTE) network.failures = 0
    return network.failures
  }

  function fail(name: string, network: Network): void {
    if (failuresOf(network) === 0) {
      network.until = clock.now() + MINUTE
      // Whoever begins to fail now is forgotten last.
      networks.delete(name)
      networks.set(name, network)
    }
    network.failures++
  }

  function wakeAsManyAsFit(network: Network): void {
    const failures = failuresOf(network)
    // Those that are blocked now need not wait to be told so.
    let room = failures >= perMinute ? network.waiting.size : perMinute - failures - network.running
    for (const wake of network.waiting) {
      if (room-- <= 0) return
      wake()
    }
  }

  function wait(network: Network): Promise<'woken' | 'late'> {
    waiting++
    return new Promise((resolve) => {
      const end = (how: 'woken' | 'late') => {
        clearTimeout(timer)
        network.waiting.delete(wake)
        waiting--
        resolve(how)
      }
      const wake = () => end('woken')
      const timer = setTimeout(end, options.patience, 'late')
      network.waiting.add(wake)
    })
  }

  return {
    async begin(address) {
      const name = networkOf(address)
      const network = networkAt(name)
      for (;;) {
        const failures = failuresOf(network)
        if (failures >= perMinute)
          return { blocked: 'failures', seconds: Math.ceil((network.until - clock.now()) / 1000) }
        if (failures + network.running < perMinute) break
        if (waiting >= options.maxQueued || (await wait(network)) === 'late') return { blocked: 'full' }
      }
      network.running++
      return (refused) => {
        network.running--
        if (refused) fail(name, network)
        else if (network.failures === 0 && !isInUse(network)) networks.delete(name)
        wakeAsManyAsFit(network)
      }
    },
    failed(address) {
      const name = networkOf(address)
      fail(name, networkAt(name))
    },
  }
}

const isInUse = ({ running, waiting }: Network): boolean => running > 0 || waiting.size > 0

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
