import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { command } from './command.js'
import { defineDeviceType } from './define-device-type.js'
import type { AnyDeviceType } from './device-type.js'
import { reading } from './reading.js'
import { state } from './state.js'

const shape = z.object({ a: z.number() })
const Base: AnyDeviceType = defineDeviceType('base', {
  abstract: true,
  readings: {
    level: reading.float({ range: [0, 100], precision: 2, unit: 'm' }),
    open: reading.float({ range: [0, null] }),
    label: reading.string({ maxLength: 20 }),
    serial: reading.string({ nullable: false }),
    door: reading.enum(['open', 'closed']),
    blob: reading.binary({ maxLength: 8 }),
    any: reading.json(),
    shaped: reading.json({ schema: shape }),
  },
  commands: {
    stop: command(),
    set: command({ payload: shape, result: shape }),
  },
  state: { mode: state.enum(['a', 'b'], { default: 'a' }), limit: state.integer({ range: [1, 5] }) },
})
const Middle: AnyDeviceType = defineDeviceType('middle', { extends: Base, abstract: true })

describe('what a type redefines', () => {
  it.each([
    ['readings', 'level', reading.integer(), 'its kind is float, not integer'],
    ['readings', 'level', reading.float({ range: [-1, 100], precision: 2 }), '[-1, 100] goes beyond it'],
    ['readings', 'level', reading.float({ range: [0, null], precision: 2 }), '[0, null] goes beyond it'],
    ['readings', 'level', reading.float({ range: [0, 9] }), 'keeps 2 decimal places at most, not all'],
    ['readings', 'level', reading.float({ range: [0, 9], precision: 3 }), '2 decimal places at most, not 3'],
    ['readings', 'level', reading.float({ range: [0, 9], precision: 2, unit: 'ft' }), 'unit is m, not ft'],
    ['readings', 'open', reading.float(), 'its range is [0, null]'],
    ['readings', 'label', reading.string(), 'its maxLength is 20, not 255'],
    ['readings', 'serial', reading.string(), 'add nullable: false'],
    ['readings', 'door', reading.enum(['open', 'ajar']), '"ajar" is none of its values (open, closed)'],
    ['readings', 'blob', reading.binary(), 'its maxLength is 8, not without a bound'],
    ['readings', 'shaped', reading.json(), 'pass the same one'],
    ['readings', 'shaped', reading.json({ schema: z.object({ a: z.number() }) }), 'pass the same one'],
    ['state', 'mode', state.enum(['a', 'b']), 'add nullable: false'],
    ['state', 'limit', state.integer(), 'its range is [1, 5]'],
    ['commands', 'stop', command({ payload: shape }), 'it takes no payload there'],
    [
      'commands',
      'set',
      command({ payload: z.object({ a: z.number() }), result: shape }),
      'pass the same one',
    ],
    ['commands', 'set', command({ result: shape }), 'pass the same one'],
    ['commands', 'set', command({ payload: shape }), 'its result has a schema there'],
  ])('is refused when it widens: %s %s (%#)', (part, name, own, reason) => {
    for (const parent of [Base, Middle])
      expect(() => defineDeviceType('child', { extends: parent, [part]: { [name]: own } })).toThrow(
        expect.objectContaining({ code: 'invalid_definition', message: expect.stringContaining(reason) }),
      )
  })

  it('may narrow', () => {
    const Child = defineDeviceType('child', {
      extends: Middle,
      readings: {
        level: reading.float({ range: [10, 20], precision: 1, nullable: false, label: 'Level' }),
        open: reading.float({ range: [1, 5], unit: 'm' }),
        label: reading.string({ maxLength: 5, renamedFrom: 'title' }),
        serial: reading.string({ nullable: false, maxLength: 10 }),
        door: reading.enum(['closed']),
        blob: reading.binary({ maxLength: 4 }),
        any: reading.json({ schema: shape }),
        shaped: reading.json({ schema: shape, nullable: false }),
      },
      commands: {
        stop: command({ qos: 2, result: shape }),
        set: command({ payload: shape, result: shape, description: 'Sets' }),
      },
      state: { mode: state.enum(['b'], { default: 'b' }), limit: state.integer({ range: [2, 3] }) },
    })
    expect(Child.readings.level).toMatchObject({ min: 10, max: 20 })
    expect(Child.readingNames).toEqual(Base.readingNames)
  })
})
