import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type BrokerAuth, createBrokerAuth } from '../create-broker-auth.js'
import type { AccessRequest, LoginRequest } from '../decision.js'
import type { BrokerAuthOptions } from '../options.js'
import { ADVERSARIAL_ACCESS } from './adversarial-access.js'
import { ADVERSARIAL_LOGINS } from './adversarial-logins.js'
import { type Cast, castOf } from './cast.js'
import { type Fleet, startFleet } from './fleet.js'

/** An answer as it goes over the wire. */
export interface Reply {
  readonly status: number
  readonly type: string | null
  readonly body: string
}

interface Wire {
  readonly fleet: Fleet
  readonly cast: Cast
  readonly brokerAuth: BrokerAuth
  json(path: string, body: unknown, headers?: Record<string, string>): Promise<Reply>
  form(path: string, fields: Readonly<Record<string, string | undefined>>): Promise<Reply>
  /** Any body: broken ones too. */
  post(path: string, body: string, headers: Record<string, string>): Promise<Reply>
}

/** The endpoints as a broker sees them, with the table's cast behind them. */
export function useWire(options: BrokerAuthOptions = {}): () => Wire {
  const secret = randomBytes(32).toString('hex')
  let wire: Wire | undefined

  beforeAll(async () => {
    const fleet = startFleet()
    const brokerAuth = createBrokerAuth(fleet.hub, { secret, ...options })
    const post = async (path: string, body: string, headers: Record<string, string>) => {
      const request = new Request(`http://localhost/${secret}${path}`, { method: 'POST', body, headers })
      const response = await brokerAuth.fetch(request)
      // What a broker would keep outlives a revocation.
      expect(response.headers.get('cache-control') ?? '').not.toContain('max-age')
      return {
        status: response.status,
        type: response.headers.get('content-type'),
        body: await response.text(),
      }
    }
    wire = {
      fleet,
      cast: await castOf(fleet),
      brokerAuth,
      post,
      json: (path, body, headers) =>
        post(path, JSON.stringify(body), { 'content-type': 'application/json', ...headers }),
      form(path, fields) {
        const body = new URLSearchParams()
        for (const [name, value] of Object.entries(fields)) if (value !== undefined) body.set(name, value)
        return post(path, body.toString(), {
          'content-type': 'application/x-www-form-urlencoded',
        })
      },
    }
  })
  afterAll(async () => {
    await wire?.brokerAuth.close()
    await wire?.fleet.hub.close()
  })
  return () => wire as Wire
}

/** How one broker puts the questions. Each tells whether the broker would take the answer for a yes. */
interface Asking {
  login(request: LoginRequest): Promise<boolean>
  access(request: AccessRequest): Promise<boolean>
}

/** The adversarial table in the words of one broker: all of it is denied, and what is fine is not. */
export function itDeniesTheTable(cast: () => Cast, { login, access }: Asking): void {
  describe('against the adversarial table', () => {
    it('lets a device in, and have its own topics', async () => {
      const { username, password } = cast().attacker
      expect(await login({ username, password, clientId: username })).toBe(true)
      for (const [action, topic] of [
        ['publish', 'things/sensor/A1/data'],
        ['publish', 'things/sensor/A1/status'],
        ['subscribe', 'things/sensor/A1/cmd'],
        ['subscribe', 'things/sensor/A1/desired'],
      ] as const)
        expect(await access({ username, clientId: username, action, topic })).toBe(true)
    })

    it('denies every login of it', async () => {
      const allowed: string[] = []
      for (const { name, request } of ADVERSARIAL_LOGINS) if (await login(request(cast()))) allowed.push(name)
      expect(allowed).toEqual([])
    })

    it('denies every topic of it', async () => {
      const allowed: string[] = []
      for (const { name, request } of ADVERSARIAL_ACCESS)
        if (await access(request(cast()))) allowed.push(name)
      expect(allowed).toEqual([])
    })
  })
}
