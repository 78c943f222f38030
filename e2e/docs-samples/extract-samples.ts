/** A fenced block of TypeScript in a page. */
export interface Sample {
  /** Of the page, relative to the repository. */
  readonly page: string
  /** Line of the page on which the code begins, from 1. */
  readonly line: number
  readonly code: string
  /** The file a reader puts it in, when its first line is a comment such as `// devices.ts`. */
  readonly file: string | null
  /**
   * A block without a mark is a program. `compiled: <reason>` is compiled and not run, `shown: <reason>` is neither.
   * Null: the info string says something else, and nobody knows what is meant.
   */
  readonly kind: 'program' | 'compiled' | 'shown' | null
  readonly reason: string | null
}

const FENCE = /^(\s*)(`{3,})(.*)$/
const MARK = /^(compiled|shown): (\S.*)$/
/** Other words for the same language would hide a block. */
const LANGUAGES = ['ts', 'typescript', 'js', 'javascript', 'tsx', 'mts', 'cts']

export function extractSamples(page: string, text: string): Sample[] {
  return fences(text)
    .filter(({ language }) => LANGUAGES.includes(language))
    .map(({ language, info, line, code }) => {
      const mark = MARK.exec(info)
      const known = language === 'ts' && (info === '' || mark !== null)
      return {
        page,
        line,
        code,
        file: /^\/\/ ([\w.-]+\.ts)$/.exec(code.split('\n', 1)[0] as string)?.[1] ?? null,
        kind: known ? ((mark?.[1] as 'compiled' | 'shown' | undefined) ?? 'program') : null,
        reason: mark?.[2] ?? null,
      }
    })
}

/** What a page has its reader set in the shell before the programs are run. */
export function exportedVariables(text: string): string[] {
  return fences(text)
    .filter(({ language }) => language === 'sh')
    .flatMap(({ code }) => code.split('\n').filter((line) => line.startsWith('export ')))
}

/** Files that a page shows beside its programs: a fence such as ```csv [devices.csv]. */
export function shownFiles(text: string): Map<string, string> {
  return new Map(
    fences(text).flatMap(({ info, code }) => {
      const [, name] = /^\[([\w.-]+)\]$/.exec(info) ?? []
      return name === undefined ? [] : [[name, `${code}\n`] as const]
    }),
  )
}

interface Fence {
  readonly language: string
  readonly info: string
  readonly line: number
  readonly code: string
}

function fences(text: string): Fence[] {
  const found: Fence[] = []
  const lines = text.split('\n')
  for (let at = 0; at < lines.length; at++) {
    const [, indent = '', fence, info = ''] = FENCE.exec(lines[at] as string) ?? []
    if (fence === undefined) continue
    const start = at + 1
    do at++
    while (at < lines.length && lines[at]?.trim() !== fence)
    const code = lines
      .slice(start, at)
      .map((line) => (line.startsWith(indent) ? line.slice(indent.length) : line))
      .join('\n')
    const [, language = '', rest = ''] = /^(\S*)\s*(.*)$/.exec(info.trim()) ?? []
    found.push({ language, info: rest, line: start + 1, code })
  }
  return found
}
