import type { IngestStats } from '@devicehub/core'
import type { ClaimStats } from '@devicehub/provision'
import { waitUntil } from '@devicehub/test-kit'
import type { Target } from '../database.js'
import { type Forked, forkScript } from '../forked.js'
import type { Delays } from './measured.js'

export interface HubConfig {
  readonly url: string
  readonly username: string
  readonly password: string
  readonly target: Target
  readonly secret: string
  /** Of slots; null: alone, in no group. */
  readonly group: string | null
  readonly protocolVersion: 4 | 5
  readonly verbose: boolean
}

export type HubCall =
  | { readonly do: 'take' | 'stats' | 'resubscribe' | 'stop' }
  | { readonly do: 'poison'; readonly deviceId: string; readonly times: number }
  | { readonly do: 'send'; readonly deviceId: string; readonly command: 'measure' | 'look' }
  | { readonly do: 'command'; readonly id: string }
  | { readonly do: 'status' | 'latest'; readonly deviceId: string }

export interface HubAnswer {
  /** 0: it has started. */
  readonly id: number
  readonly result?: unknown
  readonly error?: string
}

export interface HubStats {
  readonly ingest: IngestStats
  readonly mqtt: { readonly received: number; readonly acknowledged: number; readonly reconnects: number }
  readonly claims: ClaimStats
  readonly log: { readonly lines: number; readonly uncleanCount: number; readonly unclean: readonly string[] }
  readonly rss: number
}

export interface Taken {
  readonly delays: Delays
  /** The longest turn of the event loop, milliseconds. */
  readonly loopMaxMs: number
}

export interface AttackedHub {
  readonly forked: Forked
  readonly claimPort: number
  ask(call: HubCall): Promise<unknown>
  take(): Promise<Taken>
  stats(): Promise<HubStats>
}

export async function startHub(config: HubConfig): Promise<AttackedHub> {
  const forked = forkScript('./hostile/hub-process.ts', 'the hub', config)
  const answers = new Map<number, HubAnswer>()
  let last = 0
  forked.child.on('message', (answer: HubAnswer) => void answers.set(answer.id, answer))

  async function answerTo(id: number, what: string): Promise<unknown> {
    await waitUntil(`the hub to answer "${what}"`, () => answers.has(id) || !forked.alive, {
      timeout: '2m',
    })
    const answer = answers.get(id)
    answers.delete(id)
    if (answer === undefined)
      throw new Error(`the hub is gone (${forked.child.exitCode ?? forked.child.signalCode}) at "${what}"`)
    if (answer.error !== undefined) throw new Error(`the hub failed at "${what}": ${answer.error}`)
    return answer.result
  }

  function ask(call: HubCall): Promise<unknown> {
    const id = ++last
    forked.child.send({ id, call })
    return answerTo(id, call.do)
  }

  const claimPort = (await answerTo(0, 'start')) as number
  return {
    forked,
    claimPort,
    ask,
    take: () => ask({ do: 'take' }) as Promise<Taken>,
    stats: () => ask({ do: 'stats' }) as Promise<HubStats>,
  }
}
