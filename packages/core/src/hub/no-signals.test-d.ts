import { expectTypeOf, test } from 'vitest'
import type { NoSignals, SignalSink } from '../ports/signals.js'
import { createDeviceHub, type DeviceHub } from './create-device-hub.js'

const hub = createDeviceHub({ types: [] })

test('a hub without signals has none to subscribe to', () => {
  expectTypeOf(hub).toEqualTypeOf<DeviceHub<NoSignals>>()
  // @ts-expect-error no signals; the handler is typed all the same, so that this is the only error
  hub.signals.on('deviceDataReceived', ({ device, readings }) => [device.deviceId, readings.temperature])
  // @ts-expect-error no signals
  hub.signals.once('deviceConnected', {}, ({ device }) => device.deviceId, { timeout: '1s' })
  // @ts-expect-error no signals
  hub.signals.off('deviceConnected', () => {})
  // @ts-expect-error no signals
  hub.signals.iterate('deviceDataReceived')
  // @ts-expect-error no signals
  hub.signals.stats()
  // @ts-expect-error no signals
  hub.signals.close({ timeout: '1s' })
})

test('signals that nobody can subscribe to are none, others are as given', () => {
  const sink = createDeviceHub({
    types: [],
    signals: { emit: (name) => void name, hasSubscribers: () => true },
  })
  expectTypeOf(sink.signals).toEqualTypeOf<NoSignals>()
  const own = { emit() {}, hasSubscribers: () => true, on: (name: string) => name }
  expectTypeOf(createDeviceHub({ types: [], signals: own }).signals).toEqualTypeOf(own)
})

test('it is a hub like any other', () => {
  expectTypeOf(hub).toExtend<DeviceHub>()
  expectTypeOf<DeviceHub<SignalSink>>().toEqualTypeOf<DeviceHub>()
})
