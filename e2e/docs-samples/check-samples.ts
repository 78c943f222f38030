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
  readonly text: string
  /** Lines put before the sample. */
  readonly offset: number
}

/**
 * Compiles the samples of these pages against the sources of the packages. A sample is a module of its own that sees
 * what the samples before it on its page declare and import, and beneath them what `given` declares: names that every
 * page may use without introducing them.
 */
export function checkSamples(pages: readonly Page[], given: Page): SampleError[] {
  const [first] = extractSamples(given.path, given.text)
  if (first === undefined) throw new Error(`${given.path} has no sample that could be given to the pages`)
  const base = moduleOf(first, 'given.ts', new Map())
  const givenNames = new Map(declaredNames(first.code).own.map((name) => [name, base.path]))

  const modules = pages.flatMap(({ path, text }) => {
    const known = new Map(givenNames)
    return extractSamples(path, text)
      .filter(({ kind }) => kind === 'program' || kind === 'compiled')
      .map((sample, index) => {
        const name = join(path.replaceAll(/[^\w-]+/g, '_'), sample.file ?? `${index + 1}.ts`)
        const module = moduleOf(sample, name, known)
        const { own, imported } = declaredNames(sample.code)
        for (const each of [...own, ...imported]) known.set(each, module.path)
        return module
      })
  })
  return compile(base, modules)
}

function moduleOf(sample: Sample, name: string, known: ReadonlyMap<string, string>): Module {
  const path = join(folder, name)
  const { own, imported } = declaredNames(sample.code)
  const declared = new Set([...own, ...imported])
  const before = [...known].filter(([each, from]) => !declared.has(each) && from !== path)
  const imports = before.map(([each, from]) => `import { ${each} } from '${from.replace(/ts$/, 'js')}'`)
  const exported = [...declared].filter((each) => !isExported(sample.code, each))
  const text = [...imports, sample.code, `export { ${exported.join(', ')} }`].join('\n')
  return { sample, path, text, offset: imports.length }
}

function parse(code: string): ts.SourceFile {
  return ts.createSourceFile('sample.ts', code, ts.ScriptTarget.ES2022, false, ts.ScriptKind.TS)
}

/** The names of a module's top level. */
function declaredNames(code: string): { own: string[]; imported: string[] } {
  const own: string[] = []
  const imported: string[] = []
  const bind = (name: ts.BindingName): void => {
    if (ts.isIdentifier(name)) own.push(name.text)
    else for (const element of name.elements) if (ts.isBindingElement(element)) bind(element.name)
  }
  for (const statement of parse(code).statements) {
    if (ts.isVariableStatement(statement))
      for (const { name } of statement.declarationList.declarations) bind(name)
    else if (isNamed(statement)) own.push(statement.name.text)
    else if (ts.isImportDeclaration(statement)) {
      const clause = statement.importClause
      if (clause?.name) imported.push(clause.name.text)
      const bindings = clause?.namedBindings
      if (bindings && ts.isNamespaceImport(bindings)) imported.push(bindings.name.text)
      else for (const { name } of bindings?.elements ?? []) imported.push(name.text)
    }
  }
  return { own, imported }
}

type Named = ts.Statement & { readonly name: ts.Identifier }

const isNamed = (statement: ts.Statement): statement is Named =>
  (ts.isFunctionDeclaration(statement) ||
    ts.isClassDeclaration(statement) ||
    ts.isInterfaceDeclaration(statement) ||
    ts.isTypeAliasDeclaration(statement)) &&
  statement.name !== undefined

const isExported = (code: string, name: string): boolean =>
  new RegExp(`^export (?:async )?(?:const|let|function|class|interface|type) ${name}\\b`, 'm').test(code)

/** Of the libraries and the packages: parsing and binding them is most of the work. */
const sources = new Map<string, ts.SourceFile | undefined>()

function compile(base: Module, modules: readonly Module[]): SampleError[] {
  const byPath = new Map([base, ...modules].map((module) => [module.path, module]))
  const folders = new Set([folder, ...modules.map(({ path }) => dirname(path))])
  const options = compilerOptions()
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile, directoryExists } = host
  host.fileExists = (path) => byPath.has(path) || fileExists(path)
  host.readFile = (path) => byPath.get(path)?.text ?? readFile(path)
  host.directoryExists = (path) => folders.has(path) || (directoryExists?.(path) ?? true)
  host.getSourceFile = (path, ...rest) => {
    const module = byPath.get(path)
    if (module !== undefined) return ts.createSourceFile(path, module.text, ts.ScriptTarget.ES2022, true)
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
        return { page: module.sample.page, line: module.sample.line + line - module.offset, message }
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
    // A sample takes types and values from the one before it in the same way.
    verbatimModuleSyntax: false,
    isolatedModules: false,
    noUncheckedSideEffectImports: true,
  }
}
