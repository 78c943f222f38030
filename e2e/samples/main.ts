import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { extractSamples } from '../docs-samples/extract-samples.js'
import { readExamples } from '../docs-samples/read-examples.js'
import { readPages } from '../docs-samples/read-pages.js'
import { compileAll, type LaidOut, layOut } from './lay-out.js'
import { runTwice } from './run-twice.js'
import { SharedServers } from './stand-ins.js'

const AT_ONCE = 3

/**
 * Every sample of the pages: compiled with the types of the built packages, and what is a program run twice in a row in
 * an empty folder, with real servers in place of the addresses. `pnpm samples docs/guides/core.md` takes one page.
 * The examples of docstrings are compiled with them; a source can be named like a page.
 */
const wanted = process.argv.slice(2)
const pages = [...readPages(), ...readExamples()].filter(
  ({ path }) => wanted.length === 0 || wanted.includes(path),
)
const folder = mkdtempSync(join(tmpdir(), 'devicehub-samples-'))
const problems: string[] = []
let ran = 0
try {
  const samples = layOut(folder, pages)
  for (const { page, line, kind, reason } of pages.flatMap(({ path, text }) => extractSamples(path, text)))
    if (kind === null)
      problems.push(`${page}:${line} is neither a program nor marked "compiled: why" or "shown: why"`)
    else if (kind !== 'program' && page.endsWith('.md')) console.log(`${page}:${line} ${kind}: ${reason}`)
  problems.push(...(await compileAll(folder, samples)))
  if (problems.length === 0) await runAll(samples.filter(({ kind }) => kind === 'program'))
  for (const problem of problems) console.error(problem)
  console.log(`samples: ${samples.length} compiled, ${ran} run twice, ${problems.length} problems`)
  process.exitCode = problems.length === 0 ? 0 : 1
} finally {
  if (process.env.KEEP === undefined) rmSync(folder, { recursive: true, force: true })
  else console.log(`kept: ${folder}`)
}

async function runAll(programs: readonly LaidOut[]): Promise<void> {
  await using shared = new SharedServers()
  const waiting = [...programs]
  const worker = async () => {
    for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
      const began = performance.now()
      const problem = await runTwice(folder, next, textOf(next.page), shared)
      if (process.env.TIMES)
        console.log(`${next.page}:${next.line} ${Math.round(performance.now() - began)} ms`)
      ran++
      if (problem !== null) problems.push(`${next.page}:${next.line} ${problem}`)
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, worker))
}

function textOf(page: string): string {
  return pages.find(({ path }) => path === page)?.text ?? ''
}
