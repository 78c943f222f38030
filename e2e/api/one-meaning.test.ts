import path from 'node:path'
import ts from 'typescript'
import { expect, test } from 'vitest'
import { root } from './entries.js'
import { readExports } from './read-exports.js'

test('no two entries export one name with two meanings', () => {
  const { entries, program, checker } = readExports()
  const meanings = new Map<string, Map<string, string[]>>()
  for (const entry of entries) {
    const file = program.getSourceFile(path.join(root, entry.source))
    const module = file && checker.getSymbolAtLocation(file)
    expect(module, entry.name).toBeDefined()
    for (const symbol of module ? checker.getExportsOfModule(module) : []) {
      const target = symbol.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(symbol) : symbol
      const at = target.declarations?.[0]
      const place = at ? `${path.relative(root, at.getSourceFile().fileName)}:${at.getStart()}` : 'nowhere'
      const places = meanings.get(symbol.name) ?? new Map<string, string[]>()
      places.set(place, [...(places.get(place) ?? []), entry.name])
      meanings.set(symbol.name, places)
    }
  }
  expect(meanings.size).toBeGreaterThan(300)
  const twice = [...meanings]
    .filter(([, places]) => places.size > 1)
    .map(([name, places]) => `${name}: ${[...places.values()].flat().join(', ')}`)
  expect(twice).toEqual([])
})
