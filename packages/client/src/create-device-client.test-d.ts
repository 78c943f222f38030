import { command, defineDeviceType, reading } from '@devicehub/core/definition'
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
  client.recordBatch([{ readings: { temperature: 1 }, timestamp: Date.now() }])
  // @ts-expect-error of the wrong type
  client.recordBatch([{ readings: { temperature: true } }])
})

test('commands are typed by their schema, after it was applied', () => {
  client.onCommand('tune', (received) => {
    expectTypeOf(received.command).toEqualTypeOf<'tune'>()
    expectTypeOf(received.payload).toEqualTypeOf<{ gain: number }>()
    expectTypeOf(received.id).toEqualTypeOf<string | null>()
    expectTypeOf(received.expiresAt).toEqualTypeOf<Date | null>()
  })
  client.onCommand('reboot', ({ payload }) => expectTypeOf(payload).toEqualTypeOf<undefined>())
  // @ts-expect-error not declared
  client.onCommand('explode', () => {})
})

test('a status is one the hub knows', () => {
  client.reportStatus({ status: 'maintenance', batteryLevel: 80 })
  // @ts-expect-error unknown
  client.reportStatus({ status: 'tired' })
})

test('without a type nothing is typed', () => {
  const untyped = createDeviceClient({ type: 'station' }, options)
  untyped.record({ whatever: [1] })
  untyped.onCommand('anything', ({ command: name, payload }) => {
    expectTypeOf(name).toEqualTypeOf<'anything'>()
    expectTypeOf(payload).toEqualTypeOf<unknown>()
  })
})
