import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import type { Page } from '../docs-samples/check-samples.js'
import { extractSamples, type Sample } from '../docs-samples/extract-samples.js'
import { root } from '../docs-samples/read-pages.js'
import { runIn } from '../packed/pack-all.js'

export interface LaidOut extends Sample {
  readonly source: string
  readonly program: string
}

const OPTIONS = {
  target: 'es2022',
  lib: ['es2023', 'esnext.disposable'],
  module: 'nodenext',
  strict: true,
  skipLibCheck: true,
  noEmitOnError: true,
  types: ['node'],
  rootDir: 'pages',
  outDir: 'out',
}

/** Writes each sample to a file: those of one page into one folder, so that a sample can import the page's named ones. */
export function layOut(folder: string, pages: readonly Page[]): LaidOut[] {
  const laidOut = pages.flatMap(({ path, text }) => {
    const place = path.replaceAll(/[^\w-]+/g, '_')
    return extractSamples(path, text)
      .filter(({ kind }) => kind === 'program' || kind === 'compiled')
      .map((sample) => {
        const file = join(place, sample.file ?? `line-${sample.line}.ts`)
        const program = join(folder, 'out', file.replace(/ts$/, 'js'))
        return { ...sample, source: join(folder, 'pages', file), program }
      })
  })
  writeFileSync(join(folder, 'package.json'), '{ "type": "module" }')
  writeFileSync(
    join(folder, 'tsconfig.json'),
    JSON.stringify({ compilerOptions: OPTIONS, include: ['pages'] }),
  )
  linkPackages(folder)
  return laidOut
}

/** Compiles all of them, with the types that the built packages give to their users. Returns what is wrong. */
export async function compileAll(folder: string, samples: readonly LaidOut[]): Promise<string[]> {
  for (const { source, code } of samples) {
    mkdirSync(dirname(source), { recursive: true })
    writeFileSync(source, code)
  }
  const { ok, output } = await runIn(folder, process.execPath, [
    join(root, 'node_modules/typescript/bin/tsc'),
    '--pretty',
    'false',
  ])
  if (ok) return []
  return output.split('\n').filter(Boolean).map(toPage)

  function toPage(line: string): string {
    const [, file, at, rest] = /^(\S+?)\((\d+),\d+\): (.*)$/.exec(line) ?? []
    const sample = samples.find(({ source }) => source === join(folder, file ?? ''))
    return sample === undefined ? line : `${sample.page}:${sample.line + Number(at) - 1} ${rest}`
  }
}

/** The packages of this repository under their names, and what any of them has installed. */
function linkPackages(folder: string): void {
  const modules = join(folder, 'node_modules')
  const link = (target: string, name: string) => {
    const path = join(modules, name)
    if (existsSync(path)) return
    mkdirSync(dirname(path), { recursive: true })
    symlinkSync(realpathSync(target), path)
  }
  for (const name of readdirSync(join(root, 'packages'))) {
    if (isPrivate(name)) continue
    if (!existsSync(join(root, 'packages', name, 'dist')))
      throw new Error(`packages/${name} is not built: run pnpm build first`)
    link(join(root, 'packages', name), `@devicehub/${name}`)
  }
  for (const place of ['.', 'e2e', ...readdirSync(join(root, 'packages')).map((name) => `packages/${name}`)])
    for (const name of installedIn(join(root, place, 'node_modules')))
      link(join(root, place, 'node_modules', name), name)
}

/** Bundled into the others: nobody can install it. */
const isPrivate = (name: string): boolean =>
  (JSON.parse(readFileSync(join(root, 'packages', name, 'package.json'), 'utf8')) as { private?: boolean })
    .private === true

const installedIn = (modules: string): string[] =>
  (existsSync(modules) ? readdirSync(modules) : []).flatMap((name) => {
    if (name.startsWith('.') || name === '@devicehub') return []
    return name.startsWith('@') ? readdirSync(join(modules, name)).map((each) => `${name}/${each}`) : [name]
  })
