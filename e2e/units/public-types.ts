import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import ts from 'typescript'

/** A property that a caller of a package gives, or is given. */
export interface PublicProperty {
  /** `client DeviceClientOptions.reconnect.min` */
  readonly path: string
  readonly name: string
  /** Its comment, in one line. */
  readonly comment: string
  readonly type: ts.Type
}

export interface PublicTypes {
  /** Of options, and of objects that exported functions and methods take. */
  readonly inputs: readonly PublicProperty[]
  /** Of exported interfaces that end in `Stats` or `Info`. */
  readonly figures: readonly PublicProperty[]
}

const ROOT = fileURLToPath(new URL('../../', import.meta.url))
const INPUT = /(?:Options|Limits|Settings|Policies|Definition)$/
const FIGURES = /(?:Stats|Info|Lag)$/

/** Of the entries of every package, from their sources. `extra`: a module that is read as if it were an entry. */
export function publicTypes(extra?: { readonly file: string; readonly text: string }): PublicTypes {
  const entries = extra === undefined ? entryFiles() : [extra.file]
  const program = programOf(entries, extra)
  const checker = program.getTypeChecker()
  const inputs = new Map<string, PublicProperty>()
  const figures = new Map<string, PublicProperty>()

  for (const entry of entries) {
    const source = program.getSourceFile(entry)
    const module = source && checker.getSymbolAtLocation(source)
    if (module === undefined) throw new Error(`${entry} is no module`)
    const label = /packages\/([^/]+)\//.exec(entry)?.[1] ?? 'extra'
    for (const exported of checker.getExportsOfModule(module)) visitExport(label, exported)
  }
  return { inputs: [...inputs.values()], figures: [...figures.values()] }

  function visitExport(label: string, exported: ts.Symbol): void {
    const symbol = exported.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(exported) : exported
    const path = `${label} ${exported.name}`
    if (isOfPort(symbol)) return
    if (symbol.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.TypeAlias)) {
      const type = checker.getDeclaredTypeOfSymbol(symbol)
      if (INPUT.test(exported.name)) walk(type, path, inputs)
      if (FIGURES.test(exported.name)) walk(type, path, figures)
      for (const property of type.getProperties()) visitCalls(typeOf(property), `${path}.${property.name}`)
    }
    if (symbol.flags & ts.SymbolFlags.Value) visitCalls(typeOf(symbol), path)
  }

  function visitCalls(type: ts.Type, path: string): void {
    for (const signature of type.getCallSignatures())
      for (const parameter of signature.getParameters())
        walk(typeOf(parameter), `${path}(${parameter.name})`, inputs)
  }

  function typeOf(symbol: ts.Symbol): ts.Type {
    const place = symbol.valueDeclaration ?? symbol.declarations?.[0]
    return place === undefined ? checker.getAnyType() : checker.getTypeOfSymbolAtLocation(symbol, place)
  }

  /** The properties of an object type of these packages, and of those in it. */
  function walk(type: ts.Type, path: string, found: Map<string, PublicProperty>, depth = 0): void {
    if (depth > 4) return
    for (const part of type.isUnion() ? type.types : [type]) {
      if (
        !(part.flags & (ts.TypeFlags.Object | ts.TypeFlags.Intersection)) ||
        part.getCallSignatures().length > 0
      )
        continue
      for (const property of part.getProperties()) {
        if (!isOurs(property) || isOfPort(property) || isOfType(property)) continue
        const place = `${path}.${property.name}`
        if (found.has(place)) continue
        const propertyType = typeOf(property)
        const comment = ts
          .displayPartsToString(property.getDocumentationComment(checker))
          .replace(/\s+/g, ' ')
        found.set(place, { path: place, name: property.name, comment, type: propertyType })
        walk(propertyType, place, found, depth + 1)
      }
    }
  }
}

const fileOf = (symbol: ts.Symbol): string => symbol.declarations?.[0]?.getSourceFile().fileName ?? ''

const isOurs = (symbol: ts.Symbol): boolean => !fileOf(symbol).includes('node_modules')

/** What a storage is given stays in milliseconds, and its times are epoch milliseconds. */
const isOfPort = (symbol: ts.Symbol): boolean =>
  /packages\/core\/src\/(?:ports\/(?!transport)|rules\/)/.test(fileOf(symbol))

/** A declared type is given on as it is; its options were durations when it was declared. */
const isOfType = (symbol: ts.Symbol): boolean => {
  const parent = symbol.declarations?.[0]?.parent
  return parent !== undefined && ts.isInterfaceDeclaration(parent) && parent.name.text === 'AnyDeviceType'
}

function entryFiles(): string[] {
  const packages = `${ROOT}packages/`
  const published = readdirSync(packages).filter((folder) => {
    const manifest = `${packages}${folder}/package.json`
    return existsSync(manifest) && JSON.parse(readFileSync(manifest, 'utf8')).private !== true
  })
  const entries = published.map((folder) => `${packages}${folder}/src/index.ts`)
  return [
    ...entries.filter((entry) => existsSync(entry)),
    ...['definition', 'transport', 'check'].map((name) => `${packages}core/src/${name}.ts`),
  ]
}

function programOf(
  entries: readonly string[],
  extra: { readonly file: string; readonly text: string } | undefined,
): ts.Program {
  const { config } = ts.readConfigFile(`${ROOT}tsconfig.json`, ts.sys.readFile)
  const { options } = ts.parseJsonConfigFileContent({ ...config, include: [] }, ts.sys, ROOT)
  const host = ts.createCompilerHost(options)
  const { fileExists, readFile, getSourceFile } = host
  if (extra !== undefined) {
    host.fileExists = (file) => file === extra.file || fileExists(file)
    host.readFile = (file) => (file === extra.file ? extra.text : readFile(file))
    host.getSourceFile = (file, target) =>
      file === extra.file ? ts.createSourceFile(file, extra.text, target) : getSourceFile(file, target)
  }
  return ts.createProgram({ rootNames: entries, options: { ...options, noEmit: true }, host })
}
