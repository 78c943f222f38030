/** `pnpm bench <name> [--quick] [--json]`: each benchmark prints what it measures as it goes, and one JSON object last. */
const BENCHMARKS: Readonly<Record<string, () => Promise<{ run(options: BenchOptions): Promise<unknown> }>>> =
  {
    ingest: () => import('./ingest/main.js'),
    latest: () => import('./latest/main.js'),
    consumers: () => import('./consumers/main.js'),
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
}

const [name = '', ...flags] = process.argv.slice(2).filter((arg) => arg !== '--')
const load = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined
if (load === undefined || flags.some((flag) => flag !== '--quick' && flag !== '--json')) {
  console.error(`usage: pnpm bench <${Object.keys(BENCHMARKS).join('|')}> [--quick] [--json]`)
  process.exit(2)
}
const json = flags.includes('--json')
const { run } = await load()
const result = await run({
  quick: flags.includes('--quick'),
  say: (line) => (json ? console.error(line) : console.log(line)),
})
console.log(json ? JSON.stringify(result) : JSON.stringify(result, null, 2))
