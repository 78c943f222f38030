import { waitUntil } from '@devicehub/test-kit'
import { prepareConsumers } from '../consumer-stage.js'
import type { Target } from '../database.js'
import type { FaultCase } from '../fault-case.js'

/**
 * The process that runs a consumer is frozen in its handler, past its lease and until another one has handled
 * everything, then goes on: what it did is not recorded, and nothing but that batch is handled twice.
 */
export const frozenConsumer = (kind: Target['kind']): FaultCase => ({
  name: `consumer frozen in its handler, ${kind}`,
  async run({ quick, say }) {
    const rounds = quick ? 1 : 5
    await using stage = await prepareConsumers(kind, { batch: 200, lease: 1 })
    for (let n = 0; n < 2; n++) stage.start()
    let observed = 0
    let refused = 0
    for (let round = 0; round < rounds; round++) {
      const frozen = await stage.runner()
      const before = frozen.stats
      const storing = stage.store(1_000)
      await frozen.hold()
      await frozen.freeze()
      await storing
      const { stored } = stage
      await waitUntil(
        'another process to have handled everything',
        async () => (await stage.hub.consumers.get('ledger'))?.passed === stored,
        { timeout: '2m' },
      )
      const place = await stage.hub.consumers.get('ledger')
      frozen.resume()
      frozen.release()
      await waitUntil(
        'the late write to be refused',
        () => (frozen.stats?.fenced ?? 0) > (before?.fenced ?? 0),
        {
          timeout: '2m',
        },
      )
      observed++
      refused += (frozen.stats?.fenced ?? 0) - (before?.fenced ?? 0)
      const after = await stage.hub.consumers.get('ledger')
      if (after?.cursor !== place?.cursor || after?.passed !== place?.passed)
        throw new Error(`a late write moved the cursor from ${place?.cursor} to ${after?.cursor}`)
    }
    say(`  ${refused} late writes refused`)
    const { details, ...found } = await stage.findings()
    return { injected: rounds, observed, ...found, details: { ...details, lateWritesRefused: refused } }
  },
})
