import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Page } from './check-samples.js'
import { root } from './read-pages.js'

/** What examples import as `./hub.js`, so that each of them need not declare a type and a hub of its own. */
const HUB = readFileSync(join(root, 'e2e/docs-samples/hub.ts.txt'), 'utf8')

/**
 * The sources with an `@example` in a docstring, each as a page with its examples in place: the same lines, and nothing
 * else in them. So they are compiled as the samples of the documentation are, and an error names its line.
 */
export function readExamples(): Page[] {
  return readdirSync(join(root, 'packages')).flatMap((name) =>
    sourcesIn(`packages/${name}/src`).flatMap((path) => {
      const page = examplePage(path, readFileSync(join(root, path), 'utf8'))
      return page === null ? [] : [page]
    }),
  )
}

/** Null for a source without examples. */
export function examplePage(path: string, source: string): Page | null {
  const lines: string[] = []
  let inExample = false
  for (const line of source.split('\n')) {
    const [, text] = /^\s*\* ?(.*)$/.exec(line) ?? []
    const begins: boolean = text?.startsWith('@example') ?? false
    const ends: boolean = inExample && (begins || text === undefined || text === '/' || /^@\w+/.test(text))
    if (begins && inExample && lines.pop() !== '')
      throw new Error(`${path}:${lines.length + 1}: two examples without an empty line between them`)
    if (begins) lines.push(...(inExample ? ['```', FENCE] : [FENCE]))
    else lines.push(ends ? '```' : inExample ? (text as string) : '')
    inExample = begins || (inExample && !ends)
  }
  if (!lines.includes(FENCE)) return null
  return { path, text: [...lines, '```ts compiled: for the examples', '// hub.ts', HUB, '```'].join('\n') }
}

const FENCE = '```ts compiled: an example of a docstring'

function sourcesIn(folder: string): string[] {
  return readdirSync(join(root, folder), { withFileTypes: true }).flatMap((entry) => {
    const path = `${folder}/${entry.name}`
    if (entry.isDirectory()) return sourcesIn(path)
    return /(?<!\.test|\.test-d)\.ts$/.test(entry.name) ? [path] : []
  })
}
