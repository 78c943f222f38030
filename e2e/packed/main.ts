import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { checkKitTypes, checkTypes } from './check-types.js'
import { packAll } from './pack-all.js'
import { runNewcomer } from './run-newcomer.js'
import { unnamedTypes } from './unnamed-types.js'

/**
 * What a stranger gets: the tarballs of the packages (built before), installed by npm in an empty folder. The README's
 * sample and the quick start run twice in a row, and code that exports what the packages return compiles as it should.
 */
const folder = mkdtempSync(join(tmpdir(), 'devicehub-packed-'))
try {
  const problems = unnamedTypes()
  const tarballs = await packAll(join(folder, 'tarballs'))
  // At once: each installs for itself, and most of that is the network's time.
  const found = await Promise.all([
    checkTypes(join(folder, 'types'), tarballs),
    checkKitTypes(join(folder, 'kit-types'), tarballs),
    runNewcomer(join(folder, 'newcomer'), tarballs),
  ])
  problems.push(...found.flat())
  for (const problem of problems) console.error(problem)
  console.log(problems.length === 0 ? 'packed: all is well' : `packed: ${problems.length} problems`)
  process.exitCode = problems.length === 0 ? 0 : 1
} finally {
  if (process.env.KEEP === undefined) rmSync(folder, { recursive: true, force: true })
  else console.log(`kept: ${folder}`)
}
