import { describe, expect, test } from 'vitest'
import { toStored } from '../codec/stored-value.js'
import { compileSampleValidator } from '../codec/validate-sample.js'
import { jsonSchema } from '../schema/json-schema.js'
import { defineDeviceType } from './define-device-type.js'
import { reading } from './reading.js'
import { state } from './state.js'

const Fan = defineDeviceType('fan', {
  readings: {
    step: reading.integer({ choices: [1, 2, 3] }),
    volts: reading.float({ choices: [4.2, 12], precision: 1, nullable: false }),
  },
  state: { level: state.integer({ choices: [0, 5], default: 5 }) },
})

describe('choices of a number', () => {
  test('any other value does not fit, and the reason lists them', () => {
    const validate = compileSampleValidator(Fan)
    const sample = (fields: object) => ({ fields: fields as Record<string, unknown>, flags: [] })
    expect(validate(sample({ step: 2, volts: 4.21 }))).toEqual({ values: [2, 4.2], flags: [] })
    expect(validate(sample({ step: 4, volts: 12 }))).toEqual({
      values: [null, 12],
      flags: ['bad_reading:step'],
      problems: ['step must be one of 1, 2, 3'],
    })
    expect(validate(sample({ step: 1, volts: 5 }))).toMatchObject({ code: 'invalid_type' })
    expect(toStored(Fan.state.level, 0)).toBe(0)
    expect(() => toStored(Fan.state.level, 1, 'level')).toThrow('level must be one of 0, 5')
  })

  test('are in the JSON Schema', () => {
    expect(jsonSchema(Fan).sample.properties).toMatchObject({
      step: { anyOf: [{ type: 'integer', enum: [1, 2, 3] }, { type: 'null' }] },
      volts: { type: 'number', enum: [4.2, 12] },
    })
  })

  test.each([
    ['no list', { choices: 5 }],
    ['an empty list', { choices: [] }],
    ['a text', { choices: ['1'] }],
    ['no integer', { choices: [1.5] }],
    ['one twice', { choices: [1, 1] }],
    ['one outside the range', { choices: [1, 20], range: [0, 10] }],
  ])('%s is refused', (_, options) => {
    expect(() => reading.integer(options as object)).toThrow(
      expect.objectContaining({ code: 'invalid_definition' }),
    )
  })

  test('a default is one of them', () => {
    expect(() =>
      defineDeviceType('x', { state: { level: state.integer({ choices: [1], default: 2 }) } }),
    ).toThrow('the default of level does not fit')
  })

  test('may only narrow what is inherited', () => {
    const child = (field: ReturnType<typeof reading.integer>) => () =>
      defineDeviceType('child', { extends: Fan, readings: { step: field } })
    expect(child(reading.integer({ choices: [2] }))).not.toThrow()
    expect(child(reading.integer({ choices: [2, 4] }))).toThrow('its choices are 1, 2, 3')
    expect(child(reading.integer())).toThrow('any number goes beyond them')
  })
})
