import { execFile } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { expect, onTestFinished, test } from 'vitest'
// @ts-expect-error it has no declarations
import config from '../../.dependency-cruiser.mjs'

const repository = fileURLToPath(new URL('../..', import.meta.url))
const program = path.join(repository, 'node_modules/dependency-cruiser/bin/dependency-cruise.mjs')
const rulesFile = path.join(repository, '.dependency-cruiser.mjs')

/** A file that breaks a rule: its path, what it imports, and the name of the rule. */
type Violation = readonly [file: string, imported: string, rule: string]

const BROKEN: readonly Violation[] = [
  // Every folder of core reaches for the hub, the lower ones by type only.
  ...['model', 'ports', 'rules', 'memory', 'transport', 'handlers', 'lease', 'twin'].map(
    (folder): Violation => [
      `packages/core/src/${folder}/up.ts`,
      '../hub/hub.js',
      `core-${folder}-imports-downward`,
    ],
  ),
  ...['credentials', 'ingest', 'presence', 'retention', 'dispatch', 'consumer', 'commands'].map(
    (folder): Violation => [
      `packages/core/src/${folder}/up.ts`,
      '../hub/hub.js',
      `core-${folder}-imports-downward`,
    ],
  ),
  ['packages/core/src/hub/entry.ts', '../index.js', 'core-hub-imports-downward'],
  ['packages/core/src/hub/circle-a.ts', './circle-b.js', 'no-circular'],
  ['packages/core/src/hub/sockets.ts', 'node:net', 'core-has-no-io'],
  ['packages/core/src/hub/files.ts', 'fs', 'core-has-no-io'],
  ['packages/core/src/hub/driver.ts', 'mqtt', 'core-has-no-drivers'],
  ['packages/async/src/upward.ts', '@devicehub/core', 'async-imports'],
  ['packages/async/src/driver.ts', 'mqtt', 'async-has-no-packages'],
  ['packages/core/src/hub/locks.ts', '@devicehub-internal/async/file-lock', 'core-has-no-io'],
  ['packages/core/src/hub/adapter.ts', '@devicehub/signals', 'core-imports'],
  ...['signals', 'storage-kysely', 'mqtt-listener', 'client', 'http'].map(
    (name): Violation => [`packages/${name}/src/other.ts`, '@devicehub/provision', `${name}-imports`],
  ),
  ...['provision', 'broker-auth', 'test-kit'].map(
    (name): Violation => [`packages/${name}/src/other.ts`, '@devicehub/signals', `${name}-imports`],
  ),
  ['packages/signals/src/by-path.ts', '../../http/src/index.js', 'signals-imports'],
  ['packages/signals/src/core-by-path.ts', '../../core/src/hub/hub.js', 'through-the-entry'],
  ['packages/signals/src/inside.ts', '@devicehub/core/hub/hub', 'through-an-entry-of-core'],
  ['packages/client/src/whole-core.ts', '@devicehub/core', 'client-imports-definitions-only'],
]

/** The same places, with imports that are allowed. */
const ALLOWED: readonly (readonly [file: string, imported: string])[] = [
  ['packages/core/src/hub/waits.ts', '@devicehub-internal/async'],
  ['packages/core/src/hub/down.ts', '../model/model.js'],
  ['packages/core/src/memory/down.ts', '../rules/rules.js'],
  ['packages/core/src/hub/hashes.ts', 'node:crypto'],
  ['packages/core/src/hub/schema.ts', 'zod'],
  ['packages/core/src/hub/hub.test.ts', 'node:net'],
  ['packages/provision/src/surface.ts', '@devicehub/http'],
  ['packages/client/src/definitions.ts', '@devicehub/core/definition'],
]

const PACKAGES = [
  'async',
  'signals',
  'storage-kysely',
  'mqtt-listener',
  'client',
  'http',
  'provision',
  'broker-auth',
  'test-kit',
]

function house(): string {
  const root = mkdtempSync(path.join(tmpdir(), 'devicehub-layers-'))
  onTestFinished(() => rmSync(root, { recursive: true, force: true }))
  const write = (file: string, text: string) => {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
    writeFileSync(path.join(root, file), text)
  }
  for (const module of ['zod', 'mqtt']) {
    write(`node_modules/${module}/package.json`, JSON.stringify({ name: module, main: 'index.js' }))
    write(`node_modules/${module}/index.js`, '')
  }
  write('package.json', JSON.stringify({ name: 'house', dependencies: { zod: '*', mqtt: '*' } }))
  write(
    'tsconfig.json',
    JSON.stringify({
      compilerOptions: {
        module: 'preserve',
        moduleResolution: 'bundler',
        paths: {
          '@devicehub-internal/async': ['./packages/async/src/index.ts'],
          '@devicehub-internal/async/*': ['./packages/async/src/*.ts'],
          '@devicehub/core/*': ['./packages/core/src/*.ts'],
          '@devicehub/*': ['./packages/*/src/index.ts'],
        },
      },
    }),
  )
  write('packages/async/src/file-lock.ts', 'export const lock = 1\n')
  write('packages/core/src/index.ts', 'export const index = 1\n')
  write('packages/core/src/definition.ts', 'export const definition = 1\n')
  for (const folder of ['model', 'rules', 'hub'])
    write(`packages/core/src/${folder}/${folder}.ts`, 'export const value = 1\n')
  for (const name of PACKAGES) write(`packages/${name}/src/index.ts`, 'export const value = 1\n')
  for (const [file, imported] of ALLOWED) write(file, `import * as it from '${imported}'\nexport { it }\n`)
  return root
}

interface Report {
  readonly summary: { readonly violations: readonly { from: string; rule: { name: string } }[] }
}

function cruise(root: string): Promise<Report> {
  const args = [program, 'packages', '--config', rulesFile, '--output-type', 'json']
  return new Promise((resolve, reject) => {
    execFile(process.execPath, args, { cwd: root, maxBuffer: 64 << 20 }, (error, stdout) => {
      if (stdout === '') reject(error ?? new Error('nothing was printed'))
      else resolve(JSON.parse(stdout) as Report)
    })
  })
}

const violationsOf = ({ summary }: Report) =>
  [...new Set(summary.violations.map(({ from, rule }) => `${rule.name}: ${from}`))].sort()

test('imports that are allowed pass', async () => {
  expect(violationsOf(await cruise(house()))).toEqual([])
})

test('each rule is seen to be broken', async () => {
  const root = house()
  for (const [file, imported] of BROKEN) {
    mkdirSync(path.dirname(path.join(root, file)), { recursive: true })
    writeFileSync(path.join(root, file), `import type * as it from '${imported}'\nexport type { it }\n`)
  }
  // A circle is told once.
  writeFileSync(path.join(root, 'packages/core/src/hub/circle-b.ts'), "export type * from './circle-a.js'\n")
  expect(violationsOf(await cruise(root))).toEqual(
    BROKEN.map(([file, , rule]) => `${rule}: ${file}`)
      // A file that reaches into core by its path breaks nothing else; into another adapter it breaks both rules.
      .concat(
        'through-the-entry: packages/signals/src/by-path.ts',
        'through-an-entry-of-core: packages/signals/src/core-by-path.ts',
      )
      .sort(),
  )
  const rules: readonly { name: string }[] = config.forbidden
  expect(rules.map(({ name }) => name).filter((name) => !BROKEN.some(([, , rule]) => rule === name))).toEqual(
    [],
  )
})
