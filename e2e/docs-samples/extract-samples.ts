/** A fenced block of TypeScript in a page. */
export interface Sample {
  /** Of the page, relative to the repository. */
  readonly page: string
  /** Line of the page on which the code begins, from 1. */
  readonly line: number
  readonly code: string
  /** The file a reader puts it in, when its first line is a comment such as `// devices.ts`. */
  readonly file: string | null
  /** Marked `no-check`: it is shown and not compiled. */
  readonly unchecked: boolean
}

const FENCE = /^(\s*)(`{3,})(.*)$/

export function extractSamples(page: string, text: string): Sample[] {
  const samples: Sample[] = []
  const lines = text.split('\n')
  for (let at = 0; at < lines.length; at++) {
    const [, indent = '', fence, info = ''] = FENCE.exec(lines[at] as string) ?? []
    if (fence === undefined) continue
    const start = at + 1
    do at++
    while (at < lines.length && lines[at]?.trim() !== fence)
    const [language, ...marks] = info.trim().split(/\s+/)
    if (language !== 'ts') continue
    const code = lines
      .slice(start, at)
      .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
      .join('\n')
    const file = /^\/\/ ([\w-]+\.ts)$/m.exec(code.split('\n', 1)[0] as string)?.[1] ?? null
    samples.push({ page, line: start + 1, code, file, unchecked: marks.includes('no-check') })
  }
  return samples
}
