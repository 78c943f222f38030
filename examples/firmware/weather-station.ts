import { command, defineDeviceType, reading, state } from '@devicehub/core/definition'
import { z } from 'zod'

const interval = z.int().min(1).max(3600)

/** The device and the hub import the same file. */
export const WeatherStation = defineDeviceType('weather_station', {
  heartbeatInterval: 120,
  readings: {
    temperature: reading.float({ unit: '°C', range: [-40, 80], precision: 2 }),
    humidity: reading.float({ unit: '%', range: [0, 100], precision: 1 }),
  },
  commands: {
    reboot: command(),
    set_interval: command({
      payload: z.object({ interval }),
      result: z.object({ interval, previous: interval }),
    }),
    measure_now: command({ result: z.object({ temperature: z.number(), humidity: z.number() }) }),
  },
  state: {
    recording_mode: state.enum(['continuous', 'burst'], { default: 'continuous' }),
    interval: state.integer({ unit: 's', range: [1, 3600], default: 60 }),
  },
})
