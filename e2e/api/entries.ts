import { existsSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'

export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Entry {
  /** As it is imported: `@devicehub/core/storage`. */
  readonly name: string
  /** Of its package, from the root. */
  readonly folder: string
  /** Its source, from the root. */
  readonly source: string
  /** Its built declarations, from the root. */
  readonly declarations: string
}

interface Manifest {
  readonly name: string
  readonly private?: boolean
  readonly exports: Readonly<Record<string, unknown>>
}

/** Every entry of every package that is published, as the manifests name them. */
export function publishedEntries(): Entry[] {
  return readdirSync(path.join(root, 'packages')).flatMap((name) => {
    const folder = `packages/${name}`
    const manifest = JSON.parse(readFileSync(path.join(root, folder, 'package.json'), 'utf8')) as Manifest
    if (manifest.private === true) return []
    return Object.keys(manifest.exports)
      .filter((entry) => entry !== './package.json')
      .map((entry) => {
        const file = entry === '.' ? 'index' : entry.slice(2)
        const source = `${folder}/src/${file}.ts`
        if (!existsSync(path.join(root, source))) throw new Error(`${manifest.name}: ${source} is not there`)
        return {
          name: path.posix.join(manifest.name, entry),
          folder,
          source,
          declarations: `${folder}/dist/${file}.d.ts`,
        }
      })
  })
}
