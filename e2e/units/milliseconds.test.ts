import { isDeviceHubError } from '@devicehub/core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { createWorld, type World } from '../checks/calls/world.js'
import { giveLasted, PASS, REFUSED, type Row } from './milliseconds.js'
import { publicTypes } from './public-types.js'
import { isDuration } from './units.js'

let world: World
beforeAll(async () => {
  world = await createWorld()
})
afterAll(() => world.hub.close({ timeout: '100ms' }))

async function messageOf([, milliseconds, give]: Row): Promise<string> {
  try {
    await give(milliseconds as never, world)
  } catch (error) {
    if (isDeviceHubError(error)) return error.message
    throw error
  }
  return 'accepted'
}

describe('milliseconds where seconds belong', () => {
  test.each(REFUSED)('%s refuses %d', async (...row) =>
    expect(await messageOf(row)).toMatch(/must be .*a duration .*; did you mean /),
  )

  test('every option of every package is looked at here', () => {
    const paths = publicTypes()
      .inputs.filter(({ type }) => isDuration(type))
      .map(({ path }) => path)
    const rules = [...REFUSED, ...PASS].map(([pattern]) => pattern)
    expect(paths.filter((path) => !rules.some((rule) => rule.test(path)))).toEqual([])
    expect(rules.filter((rule) => !paths.some((path) => rule.test(path)))).toEqual([])
  })

  test('how long a connection lasted may be any number below a thousand', () => {
    expect(giveLasted(500)).toBe(0)
  })
})
