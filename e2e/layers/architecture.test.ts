import { existsSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
// @ts-expect-error it has no declarations
import { architecture } from './picture.mjs'

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))

test('the picture in the documentation is drawn from the rules that are enforced', async () => {
  // After a change of layers.mjs: `npx vitest run e2e/layers --update`.
  await expect(architecture()).toMatchFileSnapshot(at('docs/concepts/architecture.svg'))
})

test('the files that the architecture page names are there', () => {
  const page = readFileSync(at('docs/concepts/architecture.md'), 'utf8')
  const files = [...page.matchAll(/`([a-z-]+\/src\/[\w/.-]+)`/g)].map(([, file]) => `packages/${file}`)
  expect(files.length).toBeGreaterThan(20)
  expect(files.filter((file) => !existsSync(at(file)))).toEqual([])
})
