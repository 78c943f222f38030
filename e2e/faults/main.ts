/** `pnpm faults <ingest|scale|slots|consumers|client|hostile> [--quick] [--json] [--only TEXT]`: breaks things on purpose and counts what became of the messages. */
import { parseArgs } from 'node:util'
import type { CaseResult, FaultCase } from './fault-case.js'

const SUITES: Readonly<Record<string, () => Promise<{ readonly cases: readonly FaultCase[] }>>> = {
  ingest: () => import('./ingest.js'),
  scale: () => import('./scale.js'),
  slots: () => import('./slots.js'),
  consumers: () => import('./consumers.js'),
  client: () => import('./client.js'),
  hostile: () => import('./hostile.js'),
}

const { values, positionals } = parseArgs({
  args: process.argv.slice(2).filter((arg) => arg !== '--'),
  allowPositionals: true,
  options: {
    quick: { type: 'boolean', default: false },
    json: { type: 'boolean', default: false },
    only: { type: 'string' },
  },
})
const load = Object.hasOwn(SUITES, positionals[0] ?? '') ? SUITES[positionals[0] as string] : undefined
if (load === undefined) {
  console.error(`usage: pnpm faults <${Object.keys(SUITES).join('|')}> [--quick] [--json] [--only TEXT]`)
  process.exit(2)
}

const say = (line: string) => (values.json ? console.error(line) : console.log(line))
const cases: CaseResult[] = []
for (const { name, run } of (await load()).cases) {
  if (values.only !== undefined && !name.includes(values.only)) continue
  say(name)
  const started = Date.now()
  const result = { name, ...(await run({ quick: values.quick, say })) }
  cases.push(result)
  say(`  ${JSON.stringify(result)}  (${Math.round((Date.now() - started) / 1000)} s)`)
}
console.log(values.json ? JSON.stringify({ cases }) : JSON.stringify({ cases }, null, 2))
const broken = cases.filter(
  (each) =>
    each.lost + each.duplicated + each.unexpected + (each.violations ?? 0) > 0 ||
    each.observed < each.injected,
)
process.exit(broken.length === 0 && cases.length > 0 ? 0 : 1)
