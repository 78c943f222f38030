import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { createFailureDelays } from './failure-delay.js'
import { createFairGate } from './fair-gate.js'
import { assertSecret } from './validate-secret.js'

/** scrypt, for passwords that a person chose. Each hash takes 32 MiB and about 100 ms of a worker thread. */
export interface SlowHash {
  hash(password: string): Promise<string>
  /**
   * False at once for a text that is no such hash, or one whose cost is above the limits. Comparisons for one user name
   * cannot take all places, and each wrong password beyond the fifth delays the next (`createFailureDelays`).
   */
  matches(username: string, password: string, hash: string): Promise<boolean>
  close(): void
}

export interface SlowHashOptions {
  readonly concurrency: number
  readonly maxQueued: number
  readonly onHash: () => void
  /** A monotonic clock in milliseconds. */
  readonly monotonic: () => number
}

interface Cost {
  /** The base 2 logarithm of N. */
  readonly ln: number
  readonly r: number
  readonly p: number
}

const COST: Cost = { ln: 15, r: 8, p: 1 }
const LENGTH = 32
const SALT = 16
/** Bytes: twice what a new hash takes. A row that needs more was not written by this code. */
const MEMORY_MAX = 64 << 20
const P_MAX = 4
const FORMAT = /^s1\$(\d{1,2})\$(\d{1,2})\$(\d)\$([A-Za-z0-9_-]{22,86})\$([A-Za-z0-9_-]{43})$/

/** Comparisons of one user name that may wait: enough for devices that share it, too few for guessing. */
const MAX_WAITING_PER_USERNAME = 4
/** A login waits no longer for its turn: brokers have given up by then. */
const WAIT_TIMEOUT_MS = 3_000
/** The share for new hashes, which the application makes. It collides with no user name: none is empty. */
const APPLICATION = ''

const run = promisify<string, Buffer, number, object, Buffer>(scrypt)

export function createSlowHash({ concurrency, maxQueued, onHash, monotonic }: SlowHashOptions): SlowHash {
  const application = { running: concurrency, waiting: maxQueued, waitTimeoutMs: Number.POSITIVE_INFINITY }
  const perUsername = {
    running: Math.max(1, concurrency - 1),
    waiting: MAX_WAITING_PER_USERNAME,
    waitTimeoutMs: WAIT_TIMEOUT_MS,
  }
  const limitsOf = (share: string) => (share === APPLICATION ? application : perUsername)
  const gate = createFairGate({ name: 'slow hashes', concurrency, maxQueued, limitsOf })
  const delays = createFailureDelays(monotonic)

  function digest(password: string, salt: Buffer, { ln, r, p }: Cost): Promise<Buffer> {
    onHash()
    // scrypt needs 128 N r bytes, and a little more.
    return run(password, salt, LENGTH, { N: 2 ** ln, r, p, maxmem: MEMORY_MAX + (1 << 20) })
  }

  return {
    async hash(password) {
      assertSecret(password)
      const salt = randomBytes(SALT)
      const hash = await gate.run(APPLICATION, () => digest(password, salt, COST))
      const { ln, r, p } = COST
      return `s1$${ln}$${r}$${p}$${salt.toString('base64url')}$${hash.toString('base64url')}`
    },
    async matches(username, password, hash) {
      const parsed = parse(hash)
      if (parsed === null) return false
      const compare = async () =>
        timingSafeEqual(await digest(password, parsed.salt, parsed.cost), parsed.expected)
      return gate.run(username, compare, (matches) => delays.after(username, matches))
    },
    close: gate.close,
  }
}

function parse(hash: string): { cost: Cost; salt: Buffer; expected: Buffer } | null {
  const found = FORMAT.exec(hash)
  if (found === null) return null
  const [ln, r, p] = found.slice(1, 4).map(Number) as [number, number, number]
  if (ln < 1 || r < 1 || p < 1 || p > P_MAX || 128 * 2 ** ln * r > MEMORY_MAX) return null
  const [salt = '', expected = ''] = found.slice(4)
  const bytes = Buffer.from(expected, 'base64url')
  if (bytes.length !== LENGTH) return null
  return { cost: { ln, r, p }, salt: Buffer.from(salt, 'base64url'), expected: bytes }
}
