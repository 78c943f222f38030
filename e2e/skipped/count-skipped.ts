/** What `describeWith` writes into the title of a suite that it skips, once for each service. */
const MISSING = /([\w-]+) is not installed: /g

/** One line that says how many tests were skipped for want of which service; a test that needs two counts for both. */
export function countSkipped(titles: readonly string[]): string | null {
  if (titles.length === 0) return null
  const counts = new Map<string, number>()
  for (const title of titles) {
    const names = new Set([...title.matchAll(MISSING)].map((match) => match[1] as string))
    for (const name of names.size === 0 ? ['other reasons'] : names)
      counts.set(name, (counts.get(name) ?? 0) + 1)
  }
  const parts = [...counts].sort(([, a], [, b]) => b - a).map(([name, count]) => `${name} ${count}`)
  return `${titles.length} tests were skipped for want of: ${parts.join(', ')}`
}
