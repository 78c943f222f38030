import { fileURLToPath } from 'node:url'
import { configDefaults, defineConfig } from 'vitest/config'
import { keepFilesInMemory } from './e2e/support/files-in-memory.js'
import { LongestFirst } from './e2e/support/longest-first.js'

const source = (path: string) => fileURLToPath(new URL(`./packages/${path}`, import.meta.url))

// Tests run on the sources: nothing has to be built first, and nothing stale can be tested.
const alias = [
  { find: /^@devicehub\/core\/([a-z]+)$/, replacement: `${source('core/src/')}$1.ts` },
  // What tests of every package share, core's too, which must not know the test kit.
  {
    find: /^@devicehub-internal\/support\/(.+)$/,
    replacement: fileURLToPath(new URL('./e2e/support/$1.ts', import.meta.url)),
  },
  { find: /^@devicehub-internal\/async$/, replacement: source('async/src/index.ts') },
  { find: /^@devicehub-internal\/async\/(.+)$/, replacement: `${source('async/src')}/$1.ts` },
  { find: /^@devicehub\/([a-z-]+)$/, replacement: `${source('')}$1/src/index.ts` },
]

// On a second machine only what differs with the machine is run. The same everywhere are the compiler's answers, what
// arguments are checked for, and what the storage in memory does.
const SAME_EVERYWHERE =
  process.env.DEVICEHUB_ONLY_MACHINE === '1'
    ? ['e2e/docs-samples.test.ts', 'e2e/checks/**', '**/memory-storage.contract.test.ts', '**/*.test-d.ts']
    : []

// One project for the type tests of all packages: each project with some would start a compiler for the same program.
const TYPES = {
  name: 'types',
  include: [],
  typecheck: {
    enabled: SAME_EVERYWHERE.length === 0,
    only: true,
    tsconfig: './tsconfig.type-tests.json',
    include: ['packages/*/src/**/*.test-d.ts'],
  },
}

const PACKAGES = [
  'async',
  'core',
  'signals',
  'storage-kysely',
  'mqtt-listener',
  'http',
  'broker-auth',
  'provision',
  'client',
  'test-kit',
]

// Elsewhere nothing is kept in modules, neither by the product nor by tests, so that a process loads them once for many
// files. The test kit keeps what it found of servers, and its tests are about that: each of its files has a process.
const ISOLATED = ['test-kit']

keepFilesInMemory()

export default defineConfig({
  resolve: { alias },
  test: {
    reporters: ['default', './e2e/secrets/no-secrets-reporter.ts', './e2e/skipped/skipped-reporter.ts'],
    setupFiles: ['./e2e/secrets/record-secrets.ts', './packages/test-kit/refuse-unasked.ts'],
    exclude: [...configDefaults.exclude, ...SAME_EVERYWHERE],
    testTimeout: 120_000,
    hookTimeout: 180_000,
    // Most tests wait for a server or a process: more of them than processors fill the time.
    maxWorkers: 3,
    sequence: { sequencer: LongestFirst },
    projects: [
      ...PACKAGES.map((name) => ({
        extends: true as const,
        test: {
          name,
          include: [`packages/${name}/src/**/*.test.ts`],
          isolate: ISOLATED.includes(name),
        },
      })),
      { extends: true, test: { name: 'e2e', include: ['e2e/**/*.test.ts', 'examples/**/*.test.ts'] } },
      { extends: true, test: TYPES },
    ],
  },
})
