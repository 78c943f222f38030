import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { isDeviceHubError } from '../errors.js'
import { command } from './command.js'
import { defineDeviceType } from './define-device-type.js'
import { isDeviceType } from './is-device-type.js'
import { reading } from './reading.js'
import { state } from './state.js'

/** Mistakes that the compiler would stop: written by people without it. */
const untyped = defineDeviceType as unknown as (name: unknown, definition?: unknown) => unknown
const untypedReading = reading as unknown as Record<
  string,
  (...args: unknown[]) => ReturnType<typeof reading.float>
>

function refusal(define: () => unknown): string {
  try {
    define()
  } catch (error) {
    if (isDeviceHubError(error, 'invalid_definition')) return error.message
    throw error
  }
  throw new Error('was not refused')
}

describe('a device type', () => {
  const WeatherStation = defineDeviceType('Weather_Station', {
    heartbeatInterval: 300,
    readings: {
      temperature: reading.float({ unit: '°C', range: [-40, 80], precision: 1, label: 'Temperature' }),
      door: reading.enum(['open', 'closed'], { nullable: false }),
      note: reading.string(),
    },
    commands: {
      reboot: command(),
      set_interval: command({ payload: z.object({ interval: z.int() }), qos: 2 }),
    },
    state: { mode: state.enum(['a', 'b'], { default: 'a' }), limit: state.integer() },
  })

  it('keeps the declared name and goes by a key without case and _', () => {
    expect(WeatherStation).toMatchObject({
      kind: 'device-type',
      name: 'Weather_Station',
      key: 'weatherstation',
    })
    expect(isDeviceType(WeatherStation)).toBe(true)
    expect(isDeviceType({ name: 'x' })).toBe(false)
  })

  it('holds its fields as data, in the order of declaration', () => {
    expect(WeatherStation.readingNames).toEqual(['temperature', 'door', 'note'])
    expect(WeatherStation.readings.temperature).toEqual({
      kind: 'float',
      unit: '°C',
      min: -40,
      max: 80,
      precision: 1,
      description: null,
      label: 'Temperature',
      nullable: true,
      maxLength: null,
      values: null,
      default: null,
      renamedFrom: null,
    })
    expect(WeatherStation.readings.door).toMatchObject({ nullable: false, values: ['open', 'closed'] })
    expect(WeatherStation.readings.note.maxLength).toBe(255)
    expect(WeatherStation.commands.set_interval.qos).toBe(2)
    expect(WeatherStation.commands.reboot).toMatchObject({ payload: null, qos: 1 })
  })

  it('has a value for a state field with a default, unless told otherwise', () => {
    expect(WeatherStation.state.mode).toMatchObject({ default: 'a', nullable: false })
    expect(WeatherStation.state.limit).toMatchObject({ default: null, nullable: true })
    expect(state.float({ default: 0 })).toMatchObject({ default: 0, nullable: false })
    expect(state.float({ default: 0, nullable: true }).nullable).toBe(true)
  })

  it('holds only the options that were set', () => {
    expect(WeatherStation.options).toEqual({ heartbeatInterval: 300 })
  })

  it('cannot be changed', () => {
    const parts = [
      WeatherStation,
      WeatherStation.readings,
      WeatherStation.readings.door,
      WeatherStation.commands,
    ]
    const more = [
      WeatherStation.options,
      WeatherStation.hooks,
      WeatherStation.readingNames,
      WeatherStation.readings.door.values,
    ]
    for (const part of [...parts, ...more]) expect(Object.isFrozen(part)).toBe(true)
  })

  it('finds nothing under the names of every object', () => {
    for (const name of ['constructor', '__proto__', 'toString']) {
      expect((WeatherStation.readings as Record<string, unknown>)[name]).toBeUndefined()
      expect((WeatherStation.commands as Record<string, unknown>)[name]).toBeUndefined()
    }
  })
})

describe('extending a type', () => {
  const calls: string[] = []
  const Base = defineDeviceType('base', {
    abstract: true,
    heartbeatInterval: 60,
    broker: 'north',
    readings: { voltage: reading.float(), count: reading.integer() },
    commands: { reboot: command() },
    state: { mode: state.string({ default: 'x' }) },
    hooks: { onData: () => calls.push('base data'), onConnect: () => calls.push('base connect') },
  })
  const Child = defineDeviceType('child', {
    extends: Base,
    heartbeatInterval: 30,
    readings: { count: reading.integer({ range: [0, 9] }), wind: reading.float() },
    commands: { stop: command() },
    hooks: { onData: () => calls.push('child data') },
  })

  it('takes over everything, inherited names first; what the child declares wins', () => {
    expect(Child.readingNames).toEqual(['voltage', 'count', 'wind'])
    expect(Child.readings.count.max).toBe(9)
    expect(Object.keys(Child.commands)).toEqual(['reboot', 'stop'])
    expect(Child.stateNames).toEqual(['mode'])
    expect(Child.options).toEqual({ heartbeatInterval: 30, broker: 'north' })
    Child.hooks.onData?.({} as never)
    Child.hooks.onConnect?.({} as never)
    expect(calls).toEqual(['child data', 'base connect'])
  })

  it('does not inherit being abstract, and leaves the parent as it was', () => {
    expect(Child.abstract).toBe(false)
    expect(Base.abstract).toBe(true)
    expect(Base.readings.count.max).toBeNull()
    expect(Base.readingNames).toEqual(['voltage', 'count'])
  })

  it('refuses an inherited name in another case', () => {
    expect(
      refusal(() => defineDeviceType('c', { extends: Base, readings: { Voltage: reading.float() } })),
    ).toContain('only in case')
  })
})

describe('a definition is refused with the reason', () => {
  it.each([
    ['', 'has no letter'],
    ['__', 'has no letter'],
    ['2fast', 'starts with a digit'],
    ['_2fast', 'starts with a digit'],
    ['weather-station', 'only the letters'],
    ['wetter/station', 'only the letters'],
    ['größe', 'only the letters'],
    ['DeviceHub', 'is taken'],
    ['a'.repeat(41), 'at most 40'],
    [undefined, 'must be a text'],
    [7, 'must be a text'],
  ])('for the type name %j', (name, reason) => {
    expect(refusal(() => untyped(name))).toContain(reason)
  })

  it('not for one of 40 characters, _ aside', () => {
    expect(untyped(`_${'a'.repeat(40)}`)).toMatchObject({ key: 'a'.repeat(40) })
  })

  it.each([
    ['timestamp', 'is reserved'],
    ['ID', 'is reserved'],
    ['Device_Id', 'is reserved'],
    ['readings', 'is reserved'],
    ['content_hash', 'is reserved'],
    ['constructor', 'is reserved'],
    ['toString', 'is reserved'],
    ['wind speed', 'start with a letter'],
    ['2m', 'start with a letter'],
    ['_x', 'start with a letter'],
    ['a"; drop table x; --', 'start with a letter'],
    ['température', 'start with a letter'],
    ['', 'start with a letter'],
    ['x'.repeat(64), 'at most 63'],
  ])('for the reading %j', (name, reason) => {
    const message = refusal(() => untyped('thing', { readings: { [name]: reading.float() } }))
    expect(message).toContain(reason)
    expect(message).toContain('thing')
  })

  it('for a reading __proto__ that is an own property', () => {
    const readings = JSON.parse('{"__proto__": null}') as object
    expect(refusal(() => untyped('thing', { readings }))).toContain('"__proto__" must start with a letter')
  })

  it.each(['status', 'Battery_Level', 'metadata', 'desired', 'version', 'mqtt_password_hash', 'updated_at'])(
    'for the state field %s',
    (name) => {
      expect(refusal(() => untyped('thing', { state: { [name]: state.string() } }))).toContain('is reserved')
    },
  )

  it('not for a reading that bears the name of a column of devices, nor for a state field of one of readings', () => {
    expect(
      untyped('thing', { readings: { status: reading.string() }, state: { flags: state.integer() } }),
    ).toBeDefined()
  })

  it('for names that differ only in case', () => {
    const readings = { temp: reading.float(), Temp: reading.float() }
    expect(refusal(() => untyped('thing', { readings }))).toContain('differs from "temp" only in case')
  })

  it.each<[string, () => unknown, string]>([
    ['an inverted range', () => reading.float({ range: [80, -40] }), 'write [-40, 80]'],
    ['a range with NaN', () => reading.float({ range: [Number.NaN, 1] }), 'finite number or null'],
    ['an infinite range', () => reading.float({ range: [0, Number.POSITIVE_INFINITY] }), 'null'],
    ['a broken range of an integer', () => reading.integer({ range: [0.5, 2] }), 'is an integer or null'],
    ['a range of one end', () => untypedReading.float?.({ range: [1] }), '[min, max]'],
    ['a range of a boolean', () => untypedReading.boolean?.({ range: [0, 1] }), 'no option "range"'],
    ['a precision of an integer', () => untypedReading.integer?.({ precision: 1 }), 'no option "precision"'],
    ['a default of a reading', () => untypedReading.float?.({ default: 1 }), 'no option "default"'],
    ['a precision of 1.5', () => reading.float({ precision: 1.5 }), '0 to 15'],
    ['an empty enum', () => untypedReading.enum?.([]), 'at least one value'],
    ['a repeated enum value', () => reading.enum(['a', 'b', 'a']), 'lists "a" twice'],
    ['an enum value with NUL', () => reading.enum(['a\0']), 'printable'],
    ['an enum value that is half a character', () => reading.enum(['\ud83d']), 'printable'],
    ['a maxLength of 0', () => reading.string({ maxLength: 0 }), 'above 0'],
    ['an empty unit', () => reading.float({ unit: '' }), 'unit'],
    ['a schema that is none', () => untypedReading.json?.({ schema: {} }), 'zod schema'],
  ])('for %s', (_, define, reason) => {
    expect(refusal(define)).toContain(reason)
  })

  it('with the builder that was called wrongly', () => {
    expect(refusal(() => reading.float({ range: [1, 0] }))).toMatch(/^reading\.float\(\): /)
    expect(refusal(() => state.float({ range: [1, 0] }))).toMatch(/^state\.float\(\): /)
  })

  it.each<[string, object, string]>([
    ['outside its range', { x: state.integer({ range: [0, 5], default: 6 }) }, 'must lie within 0 and 5'],
    [
      'of another kind',
      { x: (state.float as (options: object) => unknown)({ default: 'warm' }) },
      'finite number',
    ],
    [
      'none of the values',
      { x: (state.enum as (...args: unknown[]) => unknown)(['a'], { default: 'b' }) },
      'one of a',
    ],
    ['too long', { x: state.string({ maxLength: 2, default: 'abc' }) }, 'at most 2'],
    ['no time', { x: state.datetime({ default: new Date(Number.NaN) }) }, 'RFC 3339'],
    ['not what the schema admits', { x: state.json({ schema: z.string().min(3), default: 'a' }) }, 'schema'],
  ])('for a default that is %s', (_, fields, reason) => {
    const message = refusal(() => untyped('thing', { state: fields }))
    expect(message).toContain('default of x does not fit')
    expect(message).toContain(reason)
  })

  it.each<[string, unknown, string]>([
    ['heartbeatInterval', 0, 'a duration from 1ms'],
    ['heartbeatInterval', Number.NaN, 'a duration from 1ms'],
    ['heartbeatInterval', Number.POSITIVE_INFINITY, 'a duration from 1ms'],
    ['topicTemplate', '{prefix}/{device_id}', 'lacks {channel}'],
    ['retention', { readings: -1 }, 'a duration from 1ms'],
    ['retention', { reading: 10 }, '{ readings?, messages? }'],
    ['retention', 86_400, '{ readings?, messages? }'],
    ['lastValues', 'no', 'true or false'],
    ['unknownDevice', 'drop', 'one of quarantine, register, reject'],
    ['unknownField', 'clamp', 'one of ignore, flag, reject'],
    ['outOfRange', 'ignore', 'one of flag, reject, clamp'],
    ['clockSkew', { past: -1, future: 0 }, 'a duration from 0s'],
    ['clockSkew', { past: 1 }, 'a duration from 0s'],
    ['codec', { name: 'x' }, 'decode and encode'],
    ['protocol', '', 'not empty'],
    ['heartbeat', 5, 'there is no option "heartbeat"'],
    ['hooks', { onDate() {} }, 'there is no hook "onDate"'],
    ['hooks', { onData: 1 }, 'is not a function'],
    ['extends', {}, 'made by defineDeviceType'],
    ['readings', { a: 1 }, '"a" is no field'],
    ['commands', { a: {} }, '"a" is no command'],
  ])('for the option %s: %j', (option, value, reason) => {
    const message = refusal(() => untyped('thing', { [option]: value }))
    expect(message).toContain(reason)
    expect(message).toContain('thing')
  })

  it('for a renaming from a name that is still there', () => {
    const readings = { a: reading.float(), b: reading.float({ renamedFrom: 'a' }) }
    expect(refusal(() => untyped('thing', { readings }))).toContain('still declared')
  })

  it('for a command whose payload is no schema', () => {
    expect(refusal(() => command({ payload: { interval: 'int' } as never }))).toContain('zod schema')
    expect(refusal(() => command({ qos: 3 as never }))).toContain('one of 0, 1, 2')
  })

  it('whatever the names are: never with another error, and nothing leaks into other objects', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (typeName, readingName) => {
        try {
          untyped(typeName, { readings: { [readingName]: reading.float() } })
        } catch (error) {
          expect(isDeviceHubError(error, 'invalid_definition')).toBe(true)
        }
        expect(Object.keys(Object.prototype)).toEqual([])
      }),
    )
  })
})
