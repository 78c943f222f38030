import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from './check-samples.js'

export const root = fileURLToPath(new URL('../..', import.meta.url))

const SKIPPED = ['node_modules', '.vitepress', 'dist']

/** The documentation, and the README of the repository, of each package and of each example. */
export function readPages(): Page[] {
  const readmes = ['packages', 'examples'].flatMap((name) =>
    readdirSync(join(root, name)).map((each) => `${name}/${each}/README.md`),
  )
  const paths = ['README.md', 'CONTRIBUTING.md', ...readmes, ...markdownIn('docs')]
  return paths
    .filter((path) => existsSync(join(root, path)))
    .map((path) => ({ path, text: readFileSync(join(root, path), 'utf8') }))
}

function markdownIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return SKIPPED.includes(entry.name) ? [] : markdownIn(path)
    return entry.name.endsWith('.md') ? [path] : []
  })
}
