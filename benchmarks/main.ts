interface Benchmark {
  run(options: BenchOptions): Promise<unknown>
  /** Names of sizes that can be given as `--<name>=<number>`. */
  readonly SIZES?: readonly string[]
}

/**
 * `pnpm bench <name> [--quick] [--json] [--<size>=<number>]`: each benchmark prints what it measures as it goes, and one
 * JSON object last.
 */
const BENCHMARKS: Readonly<Record<string, () => Promise<Benchmark>>> = {
  query: () => import('./query/main.js'),
  ingest: () => import('./ingest/main.js'),
  latest: () => import('./latest/main.js'),
  consumers: () => import('./consumers/main.js'),
  export: () => import('./export/main.js'),
  presence: () => import('./presence/main.js'),
  commands: () => import('./commands/main.js'),
  auth: () => import('./auth/main.js'),
  provision: () => import('./provision/main.js'),
}

export interface BenchOptions {
  /** Small enough to end within a minute. */
  readonly quick: boolean
  /** Prints a line of progress; silent with --json. */
  readonly say: (line: string) => void
  /** Those that were given, by their names. */
  readonly sizes: ReadonlyMap<string, number>
}

const [name = '', ...flags] = process.argv.slice(2).filter((arg) => arg !== '--')
const benchmark = Object.hasOwn(BENCHMARKS, name) ? await BENCHMARKS[name]?.() : undefined
const known = benchmark?.SIZES ?? []
const sizes = new Map<string, number>()
const unknown = flags.filter((flag) => {
  const [, size = '', value] = /^--(\w+)=([1-9]\d*)$/.exec(flag) ?? []
  if (!known.includes(size)) return flag !== '--quick' && flag !== '--json'
  sizes.set(size, Number(value))
  return false
})
if (benchmark === undefined || unknown.length > 0) {
  const options = ['--quick', '--json', ...known.map((size) => `--${size}=<number>`)].join('] [')
  console.error(`usage: pnpm bench <${Object.keys(BENCHMARKS).join('|')}> [${options}]`)
  process.exit(2)
}
const json = flags.includes('--json')
const result = await benchmark.run({
  quick: flags.includes('--quick'),
  say: (line) => (json ? console.error(line) : console.log(line)),
  sizes,
})
console.log(json ? JSON.stringify(result) : JSON.stringify(result, null, 2))
