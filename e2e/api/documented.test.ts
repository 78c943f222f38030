import path from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { root } from './entries.js'
import { readExports } from './read-exports.js'

test('every export of every entry has a docstring, and every member of an interface or a class', () => {
  const { entries, program, checker } = readExports()
  const seen = new Set<ts.Node>()
  const without: string[] = []
  for (const { source } of entries) {
    const module = checker.getSymbolAtLocation(
      program.getSourceFile(path.join(root, source)) as ts.SourceFile,
    )
    for (const symbol of module ? checker.getExportsOfModule(module) : []) {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
      for (const declaration of target.declarations ?? [])
        if (!isHidden(declaration, target)) look(declaration, symbol.name)
    }
  }
  expect(seen.size).toBeGreaterThan(1_000)
  expect(without).toEqual([])

  function look(declaration: ts.Declaration, name: string): void {
    const { fileName } = declaration.getSourceFile()
    if (seen.has(declaration) || fileName.includes('node_modules')) return
    seen.add(declaration)
    if (!isDocumented(declaration)) without.push(`${path.relative(root, fileName)}: ${name}`)
    if (!ts.isInterfaceDeclaration(declaration) && !ts.isClassDeclaration(declaration)) return
    for (const member of declaration.members)
      if (member.name !== undefined && !isPrivate(member)) look(member, `${name}.${member.name.getText()}`)
  }
})

/** Callers see the overloads of a function, and not its implementation. */
function isHidden(declaration: ts.Declaration, { declarations = [] }: ts.Symbol): boolean {
  return ts.isFunctionDeclaration(declaration) && declaration.body !== undefined && declarations.length > 1
}

function isDocumented(declaration: ts.Declaration): boolean {
  const holder = ts.isVariableDeclaration(declaration) ? declaration.parent.parent : declaration
  return ts.getJSDocCommentsAndTags(holder).some(ts.isJSDoc)
}

function isPrivate(member: ts.ClassElement | ts.TypeElement): boolean {
  if (member.name !== undefined && ts.isPrivateIdentifier(member.name)) return true
  return (ts.getCombinedModifierFlags(member) & ts.ModifierFlags.Private) !== 0
}
