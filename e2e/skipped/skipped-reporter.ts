import type { Reporter, TestModule } from 'vitest/node'
import { countSkipped } from './count-skipped.js'

/** Names the servers for want of which tests were skipped, where everybody sees it: at the end. */
export default class SkippedReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const titles = modules.flatMap(({ children }) =>
      [...children.allTests('skipped')].map(({ fullName }) => fullName),
    )
    const line = countSkipped(titles)
    if (line !== null) console.log(`\n${line}`)
  }
}
