import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import { assertSecret } from './acceptable.js'
import { createFairGate } from './fair-gate.js'
import { createPauses } from './pauses.js'

/** scrypt, for passwords that a person chose. 32 MiB and some 100 ms of another thread each. */
export interface SlowHash {
  hash(password: string): Promise<string>
  /**
   * False, without work, for a text that is no hash of this kind or asks for more work than is reasonable. Those of one
   * user name share a part of the places, and the more of them are wrong, the longer is the pause between two.
   */
  matches(username: string, password: string, hash: string): Promise<boolean>
  close(): void
}

export interface SlowHashOptions {
  readonly concurrency: number
  readonly maxWaiting: number
  readonly onHash: () => void
  /** Milliseconds of a clock that nobody sets. */
  readonly monotonic: () => number
}

interface Cost {
  /** Of N, the base 2 logarithm. */
  readonly ln: number
  readonly r: number
  readonly p: number
}

const COST: Cost = { ln: 15, r: 8, p: 1 }
const LENGTH = 32
const SALT = 16
/** Twice what a new hash takes: a row that asks for more was not written by this. */
const MEMORY_MAX = 64 << 20
const P_MAX = 4
const FORMAT = /^s1\$(\d{1,2})\$(\d{1,2})\$(\d)\$([A-Za-z0-9_-]{22,86})\$([A-Za-z0-9_-]{43})$/

/** Of one user name: what waits is there for devices that share it, not for whoever tries passwords. */
const WAITING_EACH = 4
/** Milliseconds that a login waits: those who ask (brokers) have given up by then. */
const PATIENCE = 3_000
/** The share of the application, which makes hashes; no user name is empty. */
const OWN = ''

const run = promisify<string, Buffer, number, object, Buffer>(scrypt)

export function createSlowHash({ concurrency, maxWaiting, onHash, monotonic }: SlowHashOptions): SlowHash {
  const own = { running: concurrency, waiting: maxWaiting, patience: Number.POSITIVE_INFINITY }
  const each = { running: Math.max(1, concurrency - 1), waiting: WAITING_EACH, patience: PATIENCE }
  const limitsOf = (share: string) => (share === OWN ? own : each)
  const gate = createFairGate({ name: 'slow hashes', concurrency, maxWaiting, limitsOf })
  const pauses = createPauses(monotonic)

  function digest(password: string, salt: Buffer, { ln, r, p }: Cost): Promise<Buffer> {
    onHash()
    // scrypt takes 128 N r bytes, and a little beside them.
    return run(password, salt, LENGTH, { N: 2 ** ln, r, p, maxmem: MEMORY_MAX + (1 << 20) })
  }

  return {
    async hash(password) {
      assertSecret(password)
      const salt = randomBytes(SALT)
      const hash = await gate.run(OWN, () => digest(password, salt, COST))
      const { ln, r, p } = COST
      return `s1$${ln}$${r}$${p}$${salt.toString('base64url')}$${hash.toString('base64url')}`
    },
    async matches(username, password, hash) {
      const parsed = parse(hash)
      if (parsed === null) return false
      const compare = async () =>
        timingSafeEqual(await digest(password, parsed.salt, parsed.cost), parsed.expected)
      return gate.run(username, compare, (matches) => pauses.after(username, matches))
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
