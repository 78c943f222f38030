import type { DeviceStatus, SignalEvents } from '@devicehub/core'
import type { SignalSink } from '@devicehub/core/transport'
import { expectTypeOf, test } from 'vitest'
import { createSignals } from './create-signals.js'
import { Door, Outdoor, WeatherStation } from './testing/stations.js'

const signals = createSignals()

test('readings and state are those of the type', () => {
  signals.on('deviceDataReceived', WeatherStation, ({ device, readings, measuredAt }) => {
    expectTypeOf(readings.temperature).toEqualTypeOf<number | null | undefined>()
    expectTypeOf(readings.humidity).toEqualTypeOf<number>()
    expectTypeOf(device.state.recording_mode).toEqualTypeOf<'continuous' | 'burst'>()
    expectTypeOf(measuredAt).toEqualTypeOf<Date>()
    // @ts-expect-error not declared
    readings.pressure
  })
  signals.once('deviceStatusChanged', Door, ({ device, newStatus }) => {
    expectTypeOf(newStatus).toEqualTypeOf<DeviceStatus>()
    // @ts-expect-error the type has no state
    device.state.recording_mode
  })
  signals.on('deviceDisconnected', Door, ({ reason }) => expectTypeOf(reason).toEqualTypeOf<string>())
})

test('of a parent only what the parent declares', () => {
  signals.on('deviceDataReceived', Outdoor, ({ readings }) => {
    expectTypeOf(readings).toEqualTypeOf<{ readonly temperature: number | null | undefined }>()
  })
})

test('the name of a command narrows its payload', () => {
  signals.on('deviceCommandSent', WeatherStation, (event) => {
    expectTypeOf(event.command).toEqualTypeOf<'reboot' | 'set_interval'>()
    if (event.command === 'set_interval') expectTypeOf(event.payload).toEqualTypeOf<{ interval: number }>()
    else expectTypeOf(event.payload).toEqualTypeOf<undefined>()
  })
  signals.on('deviceCommandSent', Door, ({ command }) => expectTypeOf(command).toEqualTypeOf<string>())
})

test('without a type the event is the one of the port', () => {
  signals.on('deviceDataReceived', (event) => {
    expectTypeOf(event).toEqualTypeOf<SignalEvents['deviceDataReceived']>()
  })
  // @ts-expect-error no such signal
  signals.on('deviceExploded', () => {})
})

test('an iterator gives the same events', async () => {
  for await (const event of signals.iterate('deviceDataReceived', WeatherStation, { maxQueued: 10 }))
    expectTypeOf(event.readings.humidity).toEqualTypeOf<number>()
  for await (const event of signals.iterate('deviceConnected'))
    expectTypeOf(event).toEqualTypeOf<SignalEvents['deviceConnected']>()
})

test('it is what a hub takes', () => {
  expectTypeOf(signals).toExtend<SignalSink>()
})
