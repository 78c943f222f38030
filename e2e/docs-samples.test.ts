import { describe, expect, test } from 'vitest'
import { checkSamples, type Page } from './docs-samples/check-samples.js'
import { deadLinks } from './docs-samples/dead-links.js'
import { extractSamples } from './docs-samples/extract-samples.js'
import { readPages } from './docs-samples/read-pages.js'

const pages = readPages()
const given = pages.find(({ path }) => path === 'README.md') as Page
const page = (text: string): Page => ({ path: 'docs/made-up.md', text })
const fenced = (code: string, marks = '') => `\`\`\`ts${marks}\n${code}\n\`\`\`\n`

describe('the samples of the documentation', () => {
  test('compile against the sources', () => {
    const errors = checkSamples(pages, given).map(({ page, line, message }) => `${page}:${line} ${message}`)
    expect(errors).toEqual([])
    expect(pages.flatMap(({ path, text }) => extractSamples(path, text)).length).toBeGreaterThan(50)
  })

  test('are compiled but for a few', () => {
    const unchecked = pages.flatMap(({ path, text }) =>
      extractSamples(path, text).filter(({ kind }) => kind === 'shown' || kind === null),
    )
    expect(unchecked.length).toBeLessThanOrEqual(3)
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
    const errors = checkSamples([page(`# A page\n\n${fenced(`// first\n${code}`)}`)], given)
    expect(errors).toMatchObject([
      { page: 'docs/made-up.md', line: 5, message: expect.stringContaining(message) },
    ])
  })

  test('sees what the samples before it on its page declare, and not those of other pages', () => {
    const first = page(fenced("import { reading } from '@devicehub/core'\nconst depth = reading.float()"))
    const more = page(`${first.text}\n${fenced('export const same = depth')}`)
    const other = { ...page(fenced('export const same = depth')), path: 'docs/another.md' }
    expect(checkSamples([more, other], given)).toMatchObject([{ page: 'docs/another.md', line: 2 }])
  })

  test('can be a file that another one imports; marked as shown it is not compiled', () => {
    const site = fenced('// site.ts\nexport const site = 3')
    const use = fenced("import { site } from './site.js'\nsite.length")
    const errors = checkSamples(
      [page(`${site}\n${use}\n${fenced('nonsense(', ' shown: no program')}`)],
      given,
    )
    expect(errors).toMatchObject([{ line: 8, message: expect.stringContaining("'length'") }])
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
