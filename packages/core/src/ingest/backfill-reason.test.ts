import { expect, test } from 'vitest'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { someProblems } from './backfill-reason.js'
import { deviceWorld, NOW } from './testing/device-world.js'

const Door = defineDeviceType('door', {
  readings: { angle: reading.float({ nullable: false }), count: reading.integer() },
})

test('a backfill that is refused in part names the places of its faults in the list as it was sent', async () => {
  const { send, messages } = await deviceWorld(Door)
  const good = (angle: number) => ({ angle, timestamp: NOW - angle })
  const outcome = await send([
    good(1),
    'nothing',
    good(2),
    { angle: 'wide' },
    [],
    { ...good(3), count: 1.5 },
    { angle: null, timestamp: NOW },
    { angle: 4, timestamp: 'noon' },
    { angle: 'wide' },
  ])
  expect(outcome).toMatchObject({ status: 'stored', samples: 3 })
  expect((await messages())[0]?.reason).toBe(
    '6 of 9 samples were refused: [1] a sample must be an object, not a string; [3, 8] angle must be a finite number; ' +
      '[4] a sample must be an object, not an array; .... readings were left out: [5] count must be a whole number within ±(2^53 - 1)',
  )
})

test('of a backfill that is refused as a whole as well', async () => {
  const { send } = await deviceWorld(Door)
  expect(await send([{ angle: 'x' }, 5, { angle: 'y' }])).toMatchObject({
    status: 'rejected',
    reason:
      'all 3 samples were refused: [0, 2] angle must be a finite number; [1] a sample must be an object, not a number',
  })
  expect(await send([{ angle: 'x' }])).toMatchObject({ reason: 'angle must be a finite number' })
})

test('of many with one fault the first few are named', () => {
  const problems = Array.from({ length: 1_000 }, (_, index) => ({ index: 999 - index, reason: 'no' }))
  expect(someProblems(problems)).toBe('[0, 1, 2, 3, 4, ...] no')
})
