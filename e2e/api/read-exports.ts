import path from 'node:path'
import ts from 'typescript'
import { publishedEntries, root } from './entries.js'

/** The sources of the published entries, as the compiler understands them. */
export function readExports() {
  const entries = publishedEntries()
  const { config } = ts.readConfigFile(path.join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent(config, ts.sys, root)
  const program = ts.createProgram(
    entries.map(({ source }) => path.join(root, source)),
    options,
  )
  return { entries, program, checker: program.getTypeChecker() }
}
