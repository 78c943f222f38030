import { readFileSync } from 'node:fs'
import path from 'node:path'
import type ts from 'typescript'
import { expect, test } from 'vitest'
import { root } from './entries.js'
import { readExports } from './read-exports.js'

const page = readFileSync(path.join(root, 'docs/guides/entries.md'), 'utf8')
const tableOf = (heading: string) =>
  (page.split(`## ${heading}\n`)[1] ?? '')
    .split('\n## ')[0]
    ?.split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) => line.split('|').slice(1, -1).map(namesIn)) ?? []
const namesIn = (cell: string): string[] => [...cell.matchAll(/`([^`]+)`/g)].map(([, name = '']) => name)

test('the page on entries lists every one, and says of each name where it is and where it is not', () => {
  const { entries, program, checker } = readExports()
  const exportsOf = new Map(
    entries.map(({ name, source }) => {
      const module = checker.getSymbolAtLocation(
        program.getSourceFile(path.join(root, source)) as ts.SourceFile,
      )
      return [name, new Set(module ? checker.getExportsOfModule(module).map((symbol) => symbol.name) : [])]
    }),
  )
  const listed = tableOf('Entries').map(([entry]) => entry?.[0])
  expect(listed.toSorted()).toEqual([...exportsOf.keys()].toSorted())

  const absent: string[] = []
  for (const [[entry = ''] = [], names = []] of tableOf('Entries'))
    for (const name of names) if (!exportsOf.get(entry)?.has(name)) absent.push(`${name} in ${entry}`)
  const wrong = tableOf('Imports that fail')
  expect(wrong.length).toBeGreaterThanOrEqual(10)
  for (const [names = [], [elsewhere = ''] = [], [entry = ''] = []] of wrong)
    for (const name of names) {
      if (!exportsOf.get(entry)?.has(name)) absent.push(`${name} in ${entry}`)
      if (exportsOf.get(elsewhere)?.has(name) !== false) absent.push(`${name} is in ${elsewhere}`)
    }
  expect(absent).toEqual([])
})
