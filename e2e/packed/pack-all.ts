import { execFile } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'

export const root = fileURLToPath(new URL('../..', import.meta.url))
const run = promisify(execFile)

/** Path of a package's tarball, by its name without the scope. */
export type Tarballs = ReadonlyMap<string, string>

export interface Ran {
  readonly ok: boolean
  readonly output: string
}

/** Runs a program to its end; never rejects. */
export async function runIn(cwd: string, program: string, args: readonly string[]): Promise<Ran> {
  try {
    const { stdout, stderr } = await run(program, [...args], { cwd, maxBuffer: 64 << 20 })
    return { ok: true, output: stdout + stderr }
  } catch (error) {
    const { stdout = '', stderr = '', message } = error as Error & { stdout?: string; stderr?: string }
    return { ok: false, output: stdout + stderr || message }
  }
}

interface Manifest {
  readonly private?: boolean
  readonly files?: readonly string[]
}

/** `pnpm pack` puts the versions in place of `workspace:`. Throws when a package was not built. */
export async function packAll(to: string): Promise<Tarballs> {
  mkdirSync(to, { recursive: true })
  const tarballs = new Map<string, string>()
  const names: string[] = []
  for (const name of readdirSync(join(root, 'packages'))) {
    const folder = join(root, 'packages', name)
    const manifest = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8')) as Manifest
    if (manifest.private) continue
    names.push(name)
    const { files = [] } = manifest
    if (!files.every((each) => readdirSync(folder).includes(each)))
      throw new Error(`packages/${name} is not built: run pnpm build first`)
  }
  const { ok, output } = await runIn(root, 'npx', [
    ...['-y', 'pnpm@10', '-r', '--filter', '@devicehub/*', 'exec'],
    ...['pnpm', 'pack', '--pack-destination', to],
  ])
  if (!ok) throw new Error(output)
  for (const name of names) {
    const packed = readdirSync(to).find((file) => new RegExp(`^devicehub-${name}-\\d`).test(file))
    if (packed === undefined) throw new Error(`pnpm pack made no tarball of ${name}`)
    tarballs.set(name, join(to, packed))
  }
  return tarballs
}

/** Installs in a new folder with npm; throws when npm fails. */
export async function install(cwd: string, packages: readonly string[]): Promise<void> {
  mkdirSync(cwd, { recursive: true })
  for (const args of [
    ['init', '-y'],
    ['pkg', 'set', 'type=module'],
    ['install', '--no-audit', '--no-fund', '--prefer-offline', ...packages],
  ]) {
    const { ok, output } = await runIn(cwd, 'npm', args)
    if (!ok) throw new Error(`npm ${args[0]} failed:\n${output}`)
  }
}

export const versionOf = (name: string): string => {
  const { devDependencies } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    devDependencies: Record<string, string>
  }
  return `${name}@${devDependencies[name] ?? 'latest'}`
}
