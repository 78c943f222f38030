import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Page } from './check-samples.js'
import { root } from './read-pages.js'

/** Relative links that lead to no file, or to no heading of it. */
export function deadLinks(page: Page, pages: readonly Page[]): string[] {
  const text = page.text.replace(/^(\s*)(`{3,})[\s\S]*?^\s*\2$/gm, '')
  const targets = Array.from(text.matchAll(/\]\(([^)\s]+)\)/g), ([, target = '']) => target)
  return targets.filter((target) => !/^[a-z]+:/.test(target) && !leadsSomewhere(page, target, pages))
}

function leadsSomewhere(page: Page, target: string, pages: readonly Page[]): boolean {
  const [path = '', anchor] = target.split('#')
  // In the documentation `/x` is `docs/x`, and a page goes without its ending.
  const from = path.startsWith('/') ? 'docs' : dirname(page.path)
  const place = path === '' ? page.path : join(from, path)
  const linked = [page, ...pages].find((each) => each.path === place || each.path === `${place}.md`)
  if (linked === undefined) return anchor === undefined && existsSync(join(root, place))
  return anchor === undefined || headings(linked.text).includes(anchor)
}

const headings = (text: string): string[] =>
  Array.from(text.matchAll(/^#+ (.+)$/gm), ([, heading = '']) =>
    heading
      .toLowerCase()
      .replace(/[`*]/g, '')
      .replace(/[^\p{L}\p{N}]+/gu, '-')
      .replace(/^-|-$/g, ''),
  )
