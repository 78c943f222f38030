import { command, defineDeviceType, reading, state } from '@devicehub/core/definition'
import { expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import { createDeviceClient } from './create-device-client.js'

const Station = defineDeviceType('station', {
  readings: {
    temperature: reading.float({ nullable: false }),
    mode: reading.enum(['fast', 'slow']),
    raw: reading.binary(),
    at: reading.datetime(),
  },
  commands: {
    reboot: command(),
    tune: command({ payload: z.object({ gain: z.string().transform(Number) }) }),
    measure: command({
      result: z.object({ volts: z.string().transform(Number), unit: z.string().default('V') }),
    }),
  },
  state: {
    recording_mode: state.enum(['continuous', 'burst'], { default: 'continuous' }),
    limit: state.integer(),
    since: state.datetime(),
  },
})
const options = { url: 'mqtt://localhost', deviceId: 'S-1' }
const client = createDeviceClient(Station, options)

test('readings are typed by the device type, and may be left out where they may be null', () => {
  expectTypeOf(client.record).parameter(0).toEqualTypeOf<{
    readonly temperature: number
    readonly mode?: 'fast' | 'slow' | null | undefined
    readonly raw?: Uint8Array | null | undefined
    readonly at?: Date | null | undefined
  }>()
  client.record({ temperature: 1, mode: 'slow', raw: new Uint8Array(1) }, { timestamp: new Date(), id: 'x' })
  // @ts-expect-error of the wrong type
  client.record({ temperature: '1' })
  // @ts-expect-error not a member
  client.record({ temperature: 1, mode: 'medium' })
  // @ts-expect-error not declared
  client.record({ temperature: 1, temprature: 2 })
  // @ts-expect-error not nullable
  client.record({ mode: 'fast' })
  client.recordBatch([{ readings: { temperature: 1 }, timestamp: new Date() }])
  // @ts-expect-error of the wrong type
  client.recordBatch([{ readings: { temperature: true } }])
})

test('commands are typed by their schema, after it was applied', () => {
  client.onCommand('tune', (payload, received) => {
    expectTypeOf(payload).toEqualTypeOf<{ gain: number }>()
    expectTypeOf(received.command).toEqualTypeOf<'tune'>()
    expectTypeOf(received.id).toEqualTypeOf<string | null>()
    expectTypeOf(received.expiresAt).toEqualTypeOf<Date | null>()
    expectTypeOf(received.signal).toEqualTypeOf<AbortSignal>()
  })
  client.onCommand('reboot', (payload) => expectTypeOf(payload).toEqualTypeOf<undefined>())
  // @ts-expect-error not declared
  client.onCommand('explode', () => {})
})

test('what a handler returns is checked against the schema of the result, before it is applied', () => {
  client.onCommand('measure', async () => ({ volts: '3.3' }))
  client.onCommand('measure', () => ({ volts: '3.3', unit: 'V' }))
  // @ts-expect-error a number is what comes out
  client.onCommand('measure', () => ({ volts: 3.3 }))
  // @ts-expect-error of the wrong type in a promise
  client.onCommand('measure', async () => ({ volts: true }))
  // @ts-expect-error nothing
  client.onCommand('measure', () => {})
})

test('without a schema of the result anything that JSON can hold is one, and nothing', () => {
  client.onCommand('reboot', () => {})
  client.onCommand('reboot', async () => {})
  client.onCommand('reboot', () => ({ at: [1, 'a', null, { deep: true }] }))
  client.onCommand('reboot', async () => 3)
  // @ts-expect-error a function
  client.onCommand('reboot', () => ({ at: () => 1 }))
  // @ts-expect-error a bigint
  client.onCommand('reboot', async () => 3n)
})

test('the twin is typed by the state fields', () => {
  client.twin.onDesired((desired, { version, delta }) => {
    expectTypeOf(desired).toEqualTypeOf<{
      readonly recording_mode?: 'continuous' | 'burst' | undefined
      readonly limit?: number | null | undefined
      readonly since?: Date | null | undefined
    }>()
    expectTypeOf(delta).toEqualTypeOf(desired)
    expectTypeOf(version).toEqualTypeOf<number>()
    return { recording_mode: 'burst' }
  })
  client.twin.onDesired(async () => {})
  // @ts-expect-error not a member
  client.twin.onDesired(async () => ({ recording_mode: 'slow' }))
  client.twin.report({ recording_mode: 'burst', limit: null, since: new Date() }, { timestamp: new Date() })
  // @ts-expect-error it always has a value
  client.twin.report({ recording_mode: null })
  // @ts-expect-error not declared
  client.twin.report({ mode: 'burst' })
  expectTypeOf(client.twin.reported.limit).toEqualTypeOf<number | null | undefined>()
  expectTypeOf(client.twin.desired).toEqualTypeOf<{
    readonly version: number
    readonly state: typeof client.twin.reported
  } | null>()
})

test('a status is one the hub knows', () => {
  client.reportStatus({ status: 'maintenance', batteryLevel: 80 })
  // @ts-expect-error unknown
  client.reportStatus({ status: 'tired' })
})

test('without a type nothing is typed', () => {
  const untyped = createDeviceClient({ type: 'station' }, options)
  untyped.record({ whatever: [1] })
  untyped.onCommand('anything', (payload, { command: name }) => {
    expectTypeOf(name).toEqualTypeOf<'anything'>()
    expectTypeOf(payload).toEqualTypeOf<unknown>()
  })
  untyped.twin.onDesired((desired) => {
    expectTypeOf(desired).toEqualTypeOf<Readonly<Record<string, unknown>>>()
    return { anything: 1 }
  })
  untyped.twin.report({ whatever: 'x' })
})
