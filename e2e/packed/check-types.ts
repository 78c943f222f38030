import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { install, root, runIn, type Tarballs, versionOf } from './pack-all.js'

interface Way {
  readonly name: string
  readonly file: string
  readonly options: object
}

const WAYS: readonly Way[] = [
  { name: 'esm-nodenext', file: 'consumer.mts', options: { module: 'nodenext' } },
  { name: 'cjs-nodenext', file: 'consumer.cts', options: { module: 'nodenext' } },
  { name: 'cjs-node16', file: 'consumer.cts', options: { module: 'node16' } },
  { name: 'bundler', file: 'consumer.ts', options: { module: 'esnext', moduleResolution: 'bundler' } },
]

/** Peers that are optional are not installed: nobody's types may need them. */
const NEEDED = ['kysely', 'zod']

/** Compiles code that exports what the packages return: strict, with declarations, the libraries' own types included. */
export async function checkTypes(folder: string, tarballs: Tarballs): Promise<string[]> {
  const packages = [...tarballs].filter(([name]) => name !== 'test-kit').map(([, path]) => path)
  await install(folder, [...packages, ...NEEDED, versionOf('typescript'), versionOf('@types/node')])
  const text = readFileSync(join(root, 'e2e/packed/consumer.ts.txt'), 'utf8')
  const problems: string[] = []
  for (const { name, file, options } of WAYS) {
    const place = join(folder, name)
    mkdirSync(place)
    writeFileSync(join(place, file), text)
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
    writeFileSync(join(place, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: [file] }))
    const { ok, output } = await runIn(place, 'npx', ['--no-install', 'tsc', '-p', 'tsconfig.json'])
    if (!ok) problems.push(`${name}:\n${output}`)
  }
  return problems
}
