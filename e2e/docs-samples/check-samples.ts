import { readdirSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'
import { extractSamples, type Sample } from './extract-samples.js'

export interface Page {
  /** Relative to the repository. */
  readonly path: string
  readonly text: string
}

/** An error of the compiler, at the line of the page. */
export interface SampleError {
  readonly page: string
  readonly line: number
  readonly message: string
}

const root = fileURLToPath(new URL('../..', import.meta.url))
/** Nothing is written there: the files exist for the compiler only. */
const folder = join(root, 'e2e', '.samples')

interface Module {
  readonly sample: Sample
  readonly path: string
}

/**
 * Compiles the samples of these pages against the sources of the packages. A sample is a module of its own: it has what
 * it declares and imports, from a package or from a file that its page shows (`// hub.ts`), and nothing else.
 */
export function checkSamples(pages: readonly Page[]): SampleError[] {
  return compile(
    pages.flatMap(({ path, text }) =>
      extractSamples(path, text)
        .filter(({ kind }) => kind === 'program' || kind === 'compiled')
        .map((sample) => {
          const name = sample.file ?? `line-${sample.line}.ts`
          return { sample, path: join(folder, path.replaceAll(/[^\w-]+/g, '_'), name) }
        }),
    ),
  )
}

/** Of the libraries and the packages: parsing and binding them is most of the work. */
const sources = new Map<string, ts.SourceFile | undefined>()

function compile(modules: readonly Module[]): SampleError[] {
  const byPath = new Map(modules.map(({ path, sample }) => [path, sample.code]))
  const folders = new Set([folder, ...modules.map(({ path }) => dirname(path))])
  const options = compilerOptions()
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile, directoryExists } = host
  host.fileExists = (path) => byPath.has(path) || fileExists(path)
  host.readFile = (path) => byPath.get(path) ?? readFile(path)
  host.directoryExists = (path) => folders.has(path) || (directoryExists?.(path) ?? true)
  host.getSourceFile = (path, ...rest) => {
    const code = byPath.get(path)
    if (code !== undefined) return ts.createSourceFile(path, code, rest[0], true)
    if (!sources.has(path)) sources.set(path, getSourceFile(path, ...rest))
    return sources.get(path)
  }
  // A driver is installed where the package that speaks to it is.
  const places = ['packages', 'examples'].flatMap((name) =>
    readdirSync(join(root, name)).map((each) => join(root, name, each, 'sample.ts')),
  )
  host.resolveModuleNameLiterals = (literals, from, _redirected, compilerOptions) =>
    literals.map(({ text }) => {
      const candidates = byPath.has(from) && !text.startsWith('.') ? [from, ...places] : [from]
      for (const candidate of candidates) {
        const found = ts.resolveModuleName(text, candidate, compilerOptions, host)
        if (found.resolvedModule !== undefined) return found
      }
      return { resolvedModule: undefined }
    })

  const program = ts.createProgram([...byPath.keys()], options, host)
  return modules.flatMap((module) => {
    const file = program.getSourceFile(module.path)
    return [...program.getSyntacticDiagnostics(file), ...program.getSemanticDiagnostics(file)].map(
      ({ start = 0, messageText }): SampleError => {
        const { line } = ts.getLineAndCharacterOfPosition(file as ts.SourceFile, start)
        const message = ts.flattenDiagnosticMessageText(messageText, '\n')
        return { page: module.sample.page, line: module.sample.line + line, message }
      },
    )
  })
}

function compilerOptions(): ts.CompilerOptions {
  const file = join(root, 'tsconfig.json')
  const { config, error } = ts.readConfigFile(file, ts.sys.readFile)
  if (error !== undefined) throw new Error(ts.flattenDiagnosticMessageText(error.messageText, '\n'))
  const { options } = ts.parseJsonConfigFileContent(
    { ...config, include: [], files: ['tsconfig.json'] },
    ts.sys,
    root,
  )
  return {
    ...options,
    noEmit: true,
    declaration: false,
    typeRoots: [join(root, 'node_modules', '@types')],
    moduleDetection: ts.ModuleDetectionKind.Force,
    noUncheckedSideEffectImports: true,
  }
}
