import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { runProgram, startProgram } from './run-program.js'

let cwd: string
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'devicehub-sample-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

const run = (code: string, before: string[] = []) => {
  writeFileSync(join(cwd, 'main.mjs'), code)
  return runProgram({ cwd, before, command: startProgram(join(cwd, 'main.mjs')) })
}

test.each([
  ['ends by itself', 'console.log(1)'],
  ['goes on until Ctrl-C', 'setInterval(() => {}, 1000)'],
  [
    'ends itself at Ctrl-C',
    "const t = setInterval(() => {}, 9e5); process.once('SIGINT', () => clearInterval(t))",
  ],
  ['finds what the page has set', 'if (process.env.KEY !== "a b") throw new Error("no key")'],
])('a program that %s is good', async (_what, code) => {
  expect(await run(code, ["export KEY='a b'"])).toBeNull()
})

test.each([
  ['throws', "throw new Error('broken')", /ends with 1:[\s\S]*broken/],
  ['ends with an error', 'process.exitCode = 3', /ends with 3/],
  [
    'has a rejection that nobody handles',
    "setInterval(() => {}, 1000); Promise.reject(new Error('late'))",
    /late/,
  ],
  ['logs an error', `console.error('{"level":"error","message":"away"}')`, /logs an error[\s\S]*away/],
  ['waits for what never comes', 'await new Promise(() => {})', /ends with 13/],
])('a program that %s is not', async (_what, code, problem) => {
  expect(await run(code)).toMatch(problem)
})

test('a program that leaves behind what its second start stumbles over is found', async () => {
  const code = "import { writeFileSync } from 'node:fs'; writeFileSync('made.txt', '', { flag: 'wx' })"
  expect(await run(code)).toBeNull()
  expect(await run(code)).toMatch(/EEXIST/)
})
