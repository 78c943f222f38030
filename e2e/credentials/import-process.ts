import { setTimeout as sleep } from 'node:timers/promises'
import type { Storage } from '@devicehub/core'
import { openStage, Sensor } from './provision-stage.js'

/**
 * Imports a file, and prints its report. With `before` or `after` it hangs around the write of that batch, and says so:
 * for a SIGKILL right there.
 */
const [database = '', source = '', output = '', hold = '', batch = '0'] = process.argv.slice(2)

let writes = 0
const hang = async (point: string) => {
  if (hold !== point || writes !== Number(batch)) return
  process.stdout.write('hanging\n')
  await sleep(600_000)
}

const wrap = (storage: Storage): Storage => ({
  ...storage,
  credentials: {
    ...storage.credentials,
    async write(each) {
      writes++
      await hang('before')
      const outcomes = await storage.credentials.write(each)
      await hang('after')
      return outcomes
    },
  },
})

const stage = openStage(database, wrap)
const started = performance.now()
const report = await stage.provisioner.importDevices(Sensor, { csv: source }, { output: { file: output } })
const { maxRSS } = process.resourceUsage()
process.stdout.write(
  `${JSON.stringify({ ...report, seconds: (performance.now() - started) / 1000, rssMb: maxRSS / 1024 })}\n`,
)
await stage[Symbol.asyncDispose]()
