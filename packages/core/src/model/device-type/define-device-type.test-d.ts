import { describe, expectTypeOf, it } from 'vitest'
import { z } from 'zod'
import type { JsonValue } from '../values.js'
import { type Command, command } from './command.js'
import { defineDeviceType } from './define-device-type.js'
import type { AnyDeviceType } from './device-type.js'
import type { GeoPoint } from './field.js'
import type { InferCommands, InferReadings, InferState } from './infer.js'
import { reading } from './reading.js'
import { state } from './state.js'

const WeatherStation = defineDeviceType('Weather_Station', {
  heartbeatInterval: 300,
  hooks: {
    onData({ device, readings }) {
      expectTypeOf(readings.temperature).toEqualTypeOf<number | null | undefined>()
      expectTypeOf(readings.serial).toEqualTypeOf<string>()
      expectTypeOf(readings.door).toEqualTypeOf<'open' | 'closed' | null | undefined>()
      expectTypeOf(device.state.recording_mode).toEqualTypeOf<'continuous' | 'burst'>()
      expectTypeOf(device.state.offset).toEqualTypeOf<number | null>()
      // @ts-expect-error -- there is no such reading
      readings.temprature
    },
    onCommandResponse(event) {
      if (event.command === 'measure') expectTypeOf(event.result).toEqualTypeOf<{ volts: number } | null>()
    },
  },
  readings: {
    temperature: reading.float({ unit: '°C', range: [-40, 80] }),
    humidity: reading.float({ unit: '%', range: [0, null] }),
    count: reading.integer(),
    raining: reading.boolean(),
    serial: reading.string({ nullable: false }),
    door: reading.enum(['open', 'closed']),
    calibrated: reading.datetime(),
    extra: reading.json(),
    shaped: reading.json({ schema: z.object({ a: z.number() }) }),
    blob: reading.binary(),
    place: reading.geo(),
  },
  commands: {
    reboot: command(),
    set_interval: command({
      payload: z.object({ interval: z.int().positive(), unit: z.string().default('s') }),
    }),
    measure: command({ result: z.object({ volts: z.number() }) }),
  },
  state: {
    recording_mode: state.enum(['continuous', 'burst'], { default: 'continuous' }),
    offset: state.float(),
    limit: state.integer({ default: 5, nullable: true }),
  },
})

describe('what is inferred', () => {
  it('is assignable to AnyDeviceType, hooks and all', () => {
    expectTypeOf(WeatherStation).toExtend<AnyDeviceType>()
    expectTypeOf(WeatherStation.name).toEqualTypeOf<'Weather_Station'>()
    expectTypeOf(WeatherStation.key).toEqualTypeOf<'weatherstation'>()
  })

  it('gives readings their value types', () => {
    expectTypeOf<InferReadings<typeof WeatherStation>>().toEqualTypeOf<{
      readonly temperature: number | null | undefined
      readonly humidity: number | null | undefined
      readonly count: number | null | undefined
      readonly raining: boolean | null | undefined
      readonly serial: string
      readonly door: 'open' | 'closed' | null | undefined
      readonly calibrated: Date | null | undefined
      readonly extra: JsonValue | undefined
      readonly shaped: { a: number } | null | undefined
      readonly blob: Uint8Array | null | undefined
      readonly place: GeoPoint | null | undefined
    }>()
  })

  it('makes a state field with a default one that always has a value', () => {
    expectTypeOf<InferState<typeof WeatherStation>>().toEqualTypeOf<{
      readonly recording_mode: 'continuous' | 'burst'
      readonly offset: number | null
      readonly limit: number | null
    }>()
  })

  it('gives commands what the caller sends, what the device gets and what it answers', () => {
    type Commands = InferCommands<typeof WeatherStation>
    expectTypeOf<Commands['reboot']['payload']>().toEqualTypeOf<undefined>()
    expectTypeOf<Commands['set_interval']['payload']>().toEqualTypeOf<{
      interval: number
      unit?: string | undefined
    }>()
    expectTypeOf<Commands['set_interval']['received']>().toEqualTypeOf<{ interval: number; unit: string }>()
    expectTypeOf<Commands['measure']['result']>().toEqualTypeOf<{ volts: number }>()
    expectTypeOf<Commands['reboot']['result']>().toEqualTypeOf<unknown>()
  })

  it('is unknown for a type whose inference is erased', () => {
    expectTypeOf<InferReadings<AnyDeviceType>>().toExtend<Readonly<Record<string, unknown>>>()
    expectTypeOf<InferState<AnyDeviceType>>().toExtend<Readonly<Record<string, unknown>>>()
  })

  it('is empty where nothing was declared', () => {
    const Bare = defineDeviceType('bare')
    expectTypeOf<keyof InferReadings<typeof Bare>>().toEqualTypeOf<never>()
    expectTypeOf<keyof InferCommands<typeof Bare>>().toEqualTypeOf<never>()
  })

  it('follows extends, where the child wins', () => {
    const Child = defineDeviceType('child', {
      extends: WeatherStation,
      readings: {
        door: reading.enum(['open']),
        count: reading.integer({ nullable: false }),
        wind: reading.float(),
      },
      commands: { stop: command() },
      hooks: {
        onData({ readings, device }) {
          expectTypeOf(readings.count).toEqualTypeOf<number>()
          expectTypeOf(readings.door).toEqualTypeOf<'open' | null | undefined>()
          expectTypeOf(readings.temperature).toEqualTypeOf<number | null | undefined>()
          expectTypeOf(readings.wind).toEqualTypeOf<number | null | undefined>()
          expectTypeOf(device.state.offset).toEqualTypeOf<number | null>()
        },
      },
    })
    expectTypeOf<InferReadings<typeof Child>['count']>().toEqualTypeOf<number>()
    expectTypeOf<InferReadings<typeof Child>['wind']>().toEqualTypeOf<number | null | undefined>()
    expectTypeOf(Child.commands.stop).toEqualTypeOf<Command<null, null>>()
    expectTypeOf<keyof typeof Child.commands>().toEqualTypeOf<
      'reboot' | 'set_interval' | 'measure' | 'stop'
    >()
    expectTypeOf<InferState<typeof Child>['recording_mode']>().toEqualTypeOf<'continuous' | 'burst'>()
  })
})

describe('a mistake is an error at its own line', () => {
  it('in a field', () => {
    // @ts-expect-error -- a range has two ends
    reading.float({ range: [0] })
    // @ts-expect-error -- a boolean has no unit
    reading.boolean({ unit: 'V' })
    // @ts-expect-error -- integers have no decimal places
    reading.integer({ precision: 2 })
    // @ts-expect-error -- misspelt
    reading.float({ unti: 'V' })
    // @ts-expect-error -- an enum has values
    reading.enum([])
    // @ts-expect-error -- readings have no default
    reading.float({ default: 1 })
    // @ts-expect-error -- "slow" is none of the values
    state.enum(['continuous', 'burst'], { default: 'slow' })
    // @ts-expect-error -- a text is no number
    state.float({ default: '1' })
  })

  it('in a definition', () => {
    defineDeviceType('x', {
      readings: {
        fine: reading.float(),
        // @ts-expect-error -- "timestamp" is reserved; choose another name
        timestamp: reading.float(),
        // @ts-expect-error -- "Device_ID" is reserved; choose another name
        Device_ID: reading.float(),
      },
      state: {
        // @ts-expect-error -- "status" is reserved; choose another name
        status: state.string(),
      },
    })
    defineDeviceType('x', {
      readings: {
        // @ts-expect-error -- a state field is no reading
        mode: state.float(),
      },
      commands: {
        // @ts-expect-error -- a command is made by command()
        reboot: {},
      },
    })
    // @ts-expect-error -- misspelt
    defineDeviceType('x', { heartbeatIntervall: 300 })
    // @ts-expect-error -- not a policy
    defineDeviceType('x', { outOfRange: 'ignore' })
    // @ts-expect-error -- not a hook
    defineDeviceType('x', { hooks: { onDate() {} } })
    // @ts-expect-error -- a name is no type
    defineDeviceType('x', { extends: 'weatherstation' })
  })
  it('in what widens an inherited field or command', () => {
    defineDeviceType('x', {
      extends: WeatherStation,
      readings: {
        temperature: reading.float({ range: [0, 10], nullable: false }),
        // @ts-expect-error -- its kind is integer
        count: reading.string(),
        // @ts-expect-error -- its kind is float
        humidity: reading.integer(),
        // @ts-expect-error -- it is not nullable there
        serial: reading.string(),
        // @ts-expect-error -- "ajar" is no value there
        door: reading.enum(['open', 'ajar']),
        // @ts-expect-error -- the values are of another shape
        shaped: reading.json({ schema: z.object({ a: z.string() }) }),
        extra: reading.json({ schema: z.object({ a: z.string() }) }),
      },
      commands: {
        // @ts-expect-error -- callers send no payload
        reboot: command({ payload: z.object({ delay: z.int() }) }),
        // @ts-expect-error -- callers send another one
        set_interval: command({ payload: z.object({ interval: z.string() }) }),
        // @ts-expect-error -- code reads { volts }
        measure: command({ result: z.object({ amps: z.number() }) }),
      },
      state: {
        // @ts-expect-error -- its kind is float
        offset: state.string(),
        // @ts-expect-error -- it always has a value there
        recording_mode: state.enum(['continuous', 'burst']),
      },
    })
    defineDeviceType('x', {
      extends: WeatherStation,
      commands: { reboot: command({ result: z.object({ at: z.string() }), qos: 2 }) },
      state: { recording_mode: state.enum(['burst'], { default: 'burst' }) },
    })
    const erased: AnyDeviceType = WeatherStation
    // What the types do not tell is looked at when it is defined.
    defineDeviceType('x', { extends: erased, readings: { count: reading.string() } })
  })
})
