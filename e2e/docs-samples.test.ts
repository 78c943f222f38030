import { createDeviceHub, defineDeviceType, reading } from '@devicehub/core'
import { createProvisioner } from '@devicehub/provision'
import { describe, expect, test } from 'vitest'
import { checkSamples, type Page } from './docs-samples/check-samples.js'
import { deadLinks } from './docs-samples/dead-links.js'
import { exportedVariables, extractSamples, shownFiles } from './docs-samples/extract-samples.js'
import { examplePage, readExamples } from './docs-samples/read-examples.js'
import { readPages } from './docs-samples/read-pages.js'

const pages = readPages()
const page = (text: string): Page => ({ path: 'docs/made-up.md', text })
const fenced = (code: string, marks = '') => `\`\`\`ts${marks}\n${code}\n\`\`\`\n`

const HUB = fenced(`// hub.ts
import { createDeviceHub, defineDeviceType, reading } from '@devicehub/core'
export const WeatherStation = defineDeviceType('weatherstation', { readings: { temperature: reading.float() } })
export const hub = createDeviceHub({ types: [WeatherStation] })`)

describe('the samples of the documentation', () => {
  test('compile against the sources', () => {
    const errors = checkSamples(pages).map(({ page, line, message }) => `${page}:${line} ${message}`)
    expect(errors).toEqual([])
    expect(pages.flatMap(({ path, text }) => extractSamples(path, text)).length).toBeGreaterThan(50)
  })

  test('are programs, but for a few that say why they are not', () => {
    const marked = pages.flatMap(({ path, text }) =>
      extractSamples(path, text).filter(({ kind }) => kind !== 'program'),
    )
    expect(marked.filter(({ kind, reason }) => kind === null || reason === null)).toEqual([])
    expect(marked.length).toBeLessThanOrEqual(6)
  })
})

describe('the examples of docstrings', () => {
  const errorsOf = (source: string) => {
    const made = examplePage('packages/core/src/made-up.ts', source)
    return made === null ? null : checkSamples([made])
  }

  test('compile against the sources', () => {
    const examples = readExamples()
    const errors = checkSamples(examples).map(({ page, line, message }) => `${page}:${line} ${message}`)
    expect(errors).toEqual([])
    expect(examples.length).toBeGreaterThan(15)
  })

  test('fail at their line, each by itself, and may use the hub of all examples', () => {
    const source = `/** Not of an example: const = */
/**
 * Says where.
 *
 * @example
 * import { hub, WeatherStation } from './hub.js'
 *
 * hub.topic(WeatherStation, 3)
 *
 * @example
 * console.log(hub)
 */
export const where = 1`
    expect(errorsOf(source)).toMatchObject([
      { line: 8, message: expect.stringContaining("'number' is not assignable") },
      { line: 11, message: "Cannot find name 'hub'." },
    ])
    expect(errorsOf('/** Nothing to see. */')).toBeNull()
  })
})

describe('a sample', () => {
  test.each([
    [
      'a name that a package does not export',
      "import { createHub } from '@devicehub/core'",
      "no exported member 'createHub'",
    ],
    ['an option that does not exist', 'await hub.close({ patience: 3 })', "'patience' does not exist"],
    [
      'a reading that is not declared',
      "await hub.readings.aggregate(WeatherStation, { field: 'wind', fn: 'avg' })",
      '"wind"',
    ],
    ['a name that nothing declares', 'console.log(nowhere)', "Cannot find name 'nowhere'"],
    ['a package that is not there', "import 'no-such-package'", 'no-such-package'],
    ['a sentence that is no TypeScript', 'const =', 'declaration expected'],
  ])('fails for %s, at its line', (_what, code, message) => {
    const text = fenced(`import { hub, WeatherStation } from './hub.js'\n${code}`)
    const errors = checkSamples([page(`# A page\n\n${text}\n${HUB}`)])
    expect(errors).toMatchObject([
      { page: 'docs/made-up.md', line: 5, message: expect.stringContaining(message) },
    ])
  })

  test('does not see what the samples before it on its page declare', () => {
    const first = fenced("import { reading } from '@devicehub/core'\nexport const depth = reading.float()")
    expect(checkSamples([page(first + fenced('console.log(depth)'))])).toMatchObject([
      { line: 6, message: "Cannot find name 'depth'." },
    ])
  })

  test('can be a file that another one imports; marked as shown it is not compiled', () => {
    const site = fenced('// site.ts\nexport const site = 3')
    const use = fenced("import { site } from './site.js'\nsite.length")
    const errors = checkSamples([page(`${site}\n${use}\n${fenced('nonsense(', ' shown: no program')}`)])
    expect(errors).toMatchObject([{ line: 8, message: expect.stringContaining("'length'") }])
  })
})

test('a user name that a page shows is the one that provisioning issues', async () => {
  const SHOWN = /deviceId: '([\w-]+)',\s*credentials: \{ username: '([^']+)'/g
  const shown = pages.flatMap(({ text }) =>
    Array.from(text.matchAll(SHOWN), ([, deviceId = '', name]) => ({ deviceId, name })),
  )
  expect(shown.length).toBeGreaterThan(1)
  const Station = defineDeviceType('weatherstation', { readings: { temperature: reading.float() } })
  await using hub = createDeviceHub({ types: [Station], credentials: { secret: 'x'.repeat(32) } })
  const provisioner = createProvisioner(hub)
  for (const { deviceId, name } of shown) {
    const { credentials } = await provisioner.generateCredentials(Station, deviceId, { create: true })
    expect(name).toBe(credentials.username)
    await hub.devices.delete(Station, deviceId)
  }
})

describe('a page', () => {
  const kinds = (text: string) => extractSamples('x.md', text).map(({ kind, reason }) => ({ kind, reason }))

  test('marks what is no program, with the reason', () => {
    const text =
      fenced('1') + fenced('2', ' compiled: it needs a tractor') + fenced('3', ' shown: a signature')
    expect(kinds(text)).toEqual([
      { kind: 'program', reason: null },
      { kind: 'compiled', reason: 'it needs a tractor' },
      { kind: 'shown', reason: 'a signature' },
    ])
  })

  test.each(['ts no-check', 'ts compiled', 'ts shown:', 'js', 'typescript', 'tsx'])(
    'cannot hide a block as %s',
    (info) => {
      expect(kinds(`\`\`\`${info}\n1\n\`\`\`\n`)).toEqual([{ kind: null, reason: null }])
    },
  )

  test('says what is set in the shell, and which files lie beside the programs', () => {
    const text = '```sh\nnpm install x\nexport KEY=1\n```\n```csv [devices.csv]\ndevice_id\nA\n```\n'
    expect(exportedVariables(text)).toEqual(['export KEY=1'])
    expect([...shownFiles(text)]).toEqual([['devices.csv', 'device_id\nA\n']])
  })
})

describe('the links of the documentation', () => {
  test.each(pages.map((each) => [each.path, each] as const))('of %s lead somewhere', (_path, each) => {
    expect(deadLinks(each, pages)).toEqual([])
  })

  test('to a file or a heading that is not there are found', () => {
    const text = '# One\n\n[a](nowhere.md) [b](#two) [c](#one) [d](guides/core.md) [e](https://example.com)'
    expect(deadLinks(page(text), pages)).toEqual(['nowhere.md', '#two'])
  })
})
