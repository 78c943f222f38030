import { expect, test } from 'vitest'
import { LATEST_BYTES } from '../ports/page.js'
import { createLatestBudget, createPageBudget } from './page-bytes.js'

test('a page takes its first row whatever it holds, and then what fits', () => {
  const budget = createPageBudget(100)
  expect([120, 1].map((bytes) => budget.takes(bytes))).toEqual([true, false])
  const other = createPageBudget(100)
  expect([60, 40, 1].map((bytes) => other.takes(bytes))).toEqual([true, true, false])
})

test('of one device anything is given, of several what they hold together', () => {
  expect(() => createLatestBudget('the last values', 1).take(LATEST_BYTES + 1)).not.toThrow()
  const budget = createLatestBudget('the last values of Sensor', 2)
  budget.take(LATEST_BYTES)
  expect(() => budget.take(1)).toThrow(
    'the last values of Sensor of these 2 devices hold more than 16 MiB together: ask for fewer devices at a time',
  )
})
