import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import ts from 'typescript'
import { publishedEntries } from '../api/entries.js'
import { root } from './pack-all.js'

/** Only spread into other types, so that no declaration ever has to name them. */
const SPREAD = ['DeviceColumns', 'ReadingColumns', 'MessageColumns', 'LatestColumns', 'ZodSchema']

/**
 * Interfaces and classes that an exported type of a built package is made of, and that are not exported themselves. Who
 * exports a value of such a type cannot compile with `declaration: true`: the compiler has no name for it.
 */
export function unnamedTypes(): string[] {
  const packages = join(root, 'packages')
  const published = publishedEntries()
  const entriesOf = (name: string) =>
    published
      .filter(({ folder }) => folder === `packages/${name}`)
      .map(({ declarations }) => join(root, declarations))
  const names = readdirSync(packages)
  const program = ts.createProgram(names.flatMap(entriesOf), {
    module: ts.ModuleKind.ESNext,
    moduleResolution: ts.ModuleResolutionKind.Bundler,
    skipLibCheck: true,
    noEmit: true,
  })
  const checker = program.getTypeChecker()
  const resolved = (symbol: ts.Symbol) =>
    symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol

  return names.flatMap((name) => {
    const own = (symbol: ts.Symbol) =>
      (symbol.declarations ?? []).filter((each) =>
        each.getSourceFile().fileName.startsWith(join(packages, name, 'dist')),
      )
    const exported = new Set(
      entriesOf(name).flatMap((entry) => {
        const module = checker.getSymbolAtLocation(program.getSourceFile(entry) as ts.SourceFile)
        return module === undefined ? [] : checker.getExportsOfModule(module).map(resolved)
      }),
    )
    const problems: string[] = []
    const seen = new Set<ts.Symbol>()

    function visit(symbol: ts.Symbol): void {
      if (seen.has(symbol)) return
      seen.add(symbol)
      for (const declaration of own(symbol)) look(declaration, symbol)
    }

    function look(node: ts.Node, from: ts.Symbol): void {
      const used = nameUsed(node)
      const symbol = used && checker.getSymbolAtLocation(used)
      if (symbol !== undefined) {
        const target = resolved(symbol)
        const isKind = target.flags & (ts.SymbolFlags.Interface | ts.SymbolFlags.Class)
        if (
          isKind &&
          own(target).length > 0 &&
          !exported.has(target) &&
          !SPREAD.includes(target.name) &&
          !seen.has(target)
        )
          problems.push(`packages/${name}: ${target.name}, of which ${from.name} is made, is not exported`)
        visit(target)
      }
      ts.forEachChild(node, (child) => look(child, from))
    }

    for (const symbol of exported) visit(symbol)
    return problems
  })
}

function nameUsed(node: ts.Node): ts.Node | undefined {
  if (ts.isTypeReferenceNode(node)) return node.typeName
  if (ts.isExpressionWithTypeArguments(node)) return node.expression
  return ts.isTypeQueryNode(node) ? node.exprName : undefined
}
