import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { install, root, runIn, type Tarballs, versionOf } from './pack-all.js'

interface Way {
  readonly name: string
  /** The same code as each of these: the extension says which module form it is. */
  readonly files: readonly string[]
  readonly options: object
}

/** Both module forms in one program: most of the time goes into the declarations that they share. */
const BOTH = ['consumer.mts', 'consumer.cts']
const WAYS: readonly Way[] = [
  { name: 'nodenext', files: BOTH, options: { module: 'nodenext' } },
  { name: 'node16', files: BOTH, options: { module: 'node16' } },
  { name: 'bundler', files: ['consumer.ts'], options: { module: 'esnext', moduleResolution: 'bundler' } },
]

/** Optional peers are not installed: nobody's types may need them. */
const NEEDED = ['kysely', 'zod', versionOf('typescript'), versionOf('@types/node')]
/** For tests: ES modules alone, and it brings Aedes, which must not be there for the others. */
const KIT = 'test-kit'

/** Compiles code that exports what the packages return: strict, with declarations, the libraries' own types included. */
export async function checkTypes(folder: string, tarballs: Tarballs): Promise<string[]> {
  const packages = [...tarballs].filter(([name]) => name !== KIT)
  await install(folder, packages.map(([, path]) => path).concat(NEEDED))
  const aedes = join(folder, 'node_modules/aedes')
  const problems = existsSync(aedes)
    ? ['aedes is installed: the types may find what they must do without']
    : []
  const code = `${readFileSync(join(root, 'e2e/packed/consumer.ts.txt'), 'utf8')}\n${exportAll(packages.map(([name]) => name))}`
  for (const way of WAYS) problems.push(...(await compile(folder, way, code)))
  return problems
}

/** The same of the test kit, beside vitest. */
export async function checkKitTypes(folder: string, tarballs: Tarballs): Promise<string[]> {
  const packages = ['core', KIT].map((name) => tarballs.get(name) as string)
  await install(folder, [...packages, ...NEEDED, versionOf('vitest')])
  const problems: string[] = []
  for (const way of WAYS) {
    const files = way.files.filter((file) => file !== 'consumer.cts')
    problems.push(...(await compile(folder, { ...way, files }, exportAll([KIT]))))
  }
  return problems
}

/** Every entry that a package has, whatever the consumer takes of it. */
function exportAll(names: readonly string[]): string {
  const entries = names.flatMap((name) => {
    const { exports } = JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as {
      exports: Record<string, unknown>
    }
    return Object.keys(exports)
      .filter((entry) => entry !== './package.json')
      .map((entry) => `@devicehub/${name}${entry.slice(1)}`)
  })
  return entries.map((entry, n) => `export * as entry${n} from '${entry}'`).join('\n')
}

async function compile(folder: string, { name, files, options }: Way, code: string): Promise<string[]> {
  const place = join(folder, name)
  mkdirSync(place)
  for (const file of files) writeFileSync(join(place, file), code)
  const compilerOptions = {
    target: 'es2022',
    lib: ['es2023', 'esnext.disposable'],
    strict: true,
    exactOptionalPropertyTypes: true,
    declaration: true,
    skipLibCheck: false,
    outDir: 'out',
    types: ['node'],
    ...options,
  }
  writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions, files }))
  const { ok, output } = await runIn(place, 'npx', ['--no-install', 'tsc', '-p', 'tsconfig.json'])
  return ok ? [] : [`${name}:\n${output}`]
}
