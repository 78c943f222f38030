import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { basename, dirname, join, relative } from 'node:path'
import { exportedVariables, shownFiles } from '../docs-samples/extract-samples.js'
import { root } from '../docs-samples/read-pages.js'
import type { LaidOut } from './lay-out.js'
import { runProgram, startProgram } from './run-program.js'
import { AUTHORITY, type SharedServers, standIns } from './stand-ins.js'

const EXPORTED = 'exported.sh'

/** In a folder with the files of the page that it needs, and nothing else. */
export async function runTwice(
  folder: string,
  sample: LaidOut,
  pageText: string,
  shared: SharedServers,
): Promise<string | null> {
  await using servers = standIns(shared)
  const cwd = join(
    folder,
    'runs',
    relative(join(folder, 'out'), dirname(sample.program)),
    String(sample.line),
  )
  mkdirSync(cwd, { recursive: true })
  const isTest = sample.file?.endsWith('.test.ts') ?? false
  const program = isTest ? sample.source : sample.program
  const files = withImports(program)
  const code = [...files.values()].join('\n')
  const exported = exportedVariables(pageText).filter((line) =>
    names(line).some((name) => code.includes(name)),
  )
  const ready = await servers.putInto(new Map([...files, [EXPORTED, exported.join('\n')]]), cwd)
  for (const [name, content] of [...shownFiles(pageText), ...ready]) writeFileSync(join(cwd, name), content)
  const trust = existsSync(join(cwd, AUTHORITY)) ? [`export NODE_EXTRA_CA_CERTS=${AUTHORITY}`] : []
  const command = isTest
    ? [
        process.execPath,
        join(root, 'node_modules/vitest/vitest.mjs'),
        'run',
        '--reporter=dot',
        basename(program),
      ]
    : startProgram(join(cwd, basename(program)))
  for (const time of ['first', 'second']) {
    const problem = await runProgram({ cwd, before: [...trust, `. ./${EXPORTED}`], command })
    if (problem !== null) return `${time} run: ${problem}`
  }
  return null
}

function names(line: string): string[] {
  return Array.from(line.matchAll(/(\w+)=/g), ([, name = '']) => name)
}

/** A program and the files of its page that it imports. */
function withImports(program: string, found = new Map<string, string>()): Map<string, string> {
  const code = readFileSync(program, 'utf8')
  found.set(basename(program), code)
  for (const [, name = ''] of code.matchAll(/'\.\/([\w.-]+)\.js'/g))
    if (!found.has(`${name}.js`)) withImports(join(dirname(program), `${name}.js`), found)
  return found
}
