import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

const root = fileURLToPath(new URL('../..', import.meta.url))

/** An editor's view of a program that stands in no file; `name` tells it from others. */
export function openProgram(name: string, text: string) {
  const file = join(root, 'e2e/hover', name)
  const service = ts.createLanguageService(hostOf(file, text))
  return {
    file,
    service,
    /** What TypeScript says of it, a line each. */
    errors: () =>
      [...service.getSyntacticDiagnostics(file), ...service.getSemanticDiagnostics(file)].map(
        ({ messageText }) => ts.flattenDiagnosticMessageText(messageText, '\n'),
      ),
  }
}

function hostOf(path: string, text: string): ts.LanguageServiceHost {
  const { config } = ts.readConfigFile(join(root, 'tsconfig.json'), ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [], files: ['x'] }, ts.sys, root)
  const { fileExists, readFile, readDirectory, directoryExists, getDirectories, realpath } = ts.sys
  const textOf = (name: string) => (name === path ? text : readFile(name))
  return {
    getCompilationSettings: () => ({ ...options, moduleDetection: ts.ModuleDetectionKind.Force }),
    getScriptFileNames: () => [path],
    getScriptVersion: () => '1',
    getScriptSnapshot(name) {
      const content = textOf(name)
      return content === undefined ? undefined : ts.ScriptSnapshot.fromString(content)
    },
    getCurrentDirectory: () => root,
    getDefaultLibFileName: ts.getDefaultLibFilePath,
    fileExists: (name) => name === path || fileExists(name),
    readFile: textOf,
    readDirectory,
    directoryExists,
    getDirectories,
    ...(realpath && { realpath }),
  }
}
