import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { publishedEntries } from '../api/entries.js'
import { SEED } from './attack.js'
import { kyselyHandles, listenerHandles, provisionHandles } from './calls/adapters.js'
import { coreHandles, hubHandles } from './calls/core-handles.js'
import { kitHandles } from './calls/kit.js'
import { authHandles, clientHandles } from './calls/surfaces.js'
import { createWorld, type World } from './calls/world.js'
import { assertCovered, attack, handlesWithoutCoverage, type Subject } from './coverage.js'
import { entriesOf } from './entries.js'

let world: World
let subjects: Subject[]
const waiting: Promise<unknown>[] = []

beforeAll(async () => {
  // What the default logger writes of hostile values.
  vi.spyOn(console, 'error').mockImplementation(() => {})
  world = await createWorld()
  subjects = [
    ...entriesOf(world),
    ...(await coreHandles(world)),
    ...kyselyHandles(),
    ...listenerHandles(world),
    ...provisionHandles(world),
    ...authHandles(world),
    ...clientHandles(),
    ...(await kitHandles()),
    ...(await hubHandles(world)),
  ]
})

afterAll(() => world.hub.close({ timeout: '100ms' }))

test('every entry of every published package is looked through', () => {
  expect(
    publishedEntries()
      .map(({ name }) => name)
      .filter((entry) => !subjects.some(({ name }) => name === entry)),
  ).toEqual([])
})

test('every public function is described, or says why not', () => {
  const covered = subjects.reduce((sum, subject) => sum + assertCovered(subject), 0)
  process.stdout.write(`public functions covered: ${covered}, seed ${SEED}\n`)
  expect(covered).toBeGreaterThan(300)
})

test('functions of what a right call gives back are among them', async () => {
  const names = new Set(subjects.map(({ name }) => name))
  const problems: string[] = []
  for (const subject of subjects) problems.push(...(await handlesWithoutCoverage(subject, names, waiting)))
  expect(problems.join('\n\n')).toBe('')
})

test('whatever they are given, they give a result or a DeviceHubError', async () => {
  const problems: string[] = []
  for (const subject of subjects)
    problems.push(...(await attack(subject, { runs: 60, waiting, everyArgument: true })))
  expect(problems.join('\n\n')).toBe('')
})
