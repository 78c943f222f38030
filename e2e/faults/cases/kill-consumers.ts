import { waitUntil } from '@devicehub/test-kit'
import { prepareConsumers } from '../consumer-stage.js'
import type { Target } from '../database.js'
import type { FaultCase } from '../fault-case.js'

const LEASE = 1

/**
 * Three processes share a consumer; the one that runs it is killed again and again: every other time in its handler,
 * after the effect and before the cursor has moved, else wherever it is.
 */
export const killConsumers = (kind: Target['kind']): FaultCase => ({
  name: `consumers killed, ${kind}`,
  async run({ quick, say }) {
    const kills = quick ? 4 : 20
    const share = quick ? 500 : 2_500
    await using stage = await prepareConsumers(kind, { batch: 200, lease: LEASE })
    for (let n = 0; n < 3; n++) stage.start()
    let observed = 0
    let inHandler = 0
    const takeovers: number[] = []
    for (let kill = 0; kill < kills; kill++) {
      const runner = await stage.runner()
      const before = runner.stats?.handled ?? 0
      const storing = stage.store(share)
      if (kill % 2 === 0) {
        await runner.hold()
        inHandler++
      } else {
        const enough = Math.random() * share * 0.8
        await waitUntil(
          'some progress',
          () => (runner.stats?.handled ?? 0) - before > enough || !runner.alive,
          {
            timeout: '2m',
          },
        )
      }
      if (await runner.kill()) observed++
      const killedAt = performance.now()
      stage.start()
      await storing
      await stage.runner()
      takeovers.push(performance.now() - killedAt)
    }
    say(
      `  ${kills} killed, ${inHandler} of them in the handler; taken over within ${Math.max(...takeovers).toFixed(0)} ms`,
    )
    const { details, ...found } = await stage.findings()
    const takeoverMs = { max: Math.round(Math.max(...takeovers)), lease: LEASE * 1000 }
    return {
      injected: kills,
      observed,
      ...found,
      details: { ...details, killedInHandler: inHandler, takeoverMs },
    }
  },
})
