import { command, defineDeviceType, reading, state } from '@devicehub/core'
import { z } from 'zod'

export const WeatherStation = defineDeviceType('weatherstation', {
  heartbeatInterval: 300,
  readings: {
    temperature: reading.float({ unit: '°C', range: [-40, 80], precision: 2 }),
    humidity: reading.float({ unit: '%', range: [0, 100], precision: 1 }),
    wind_direction: reading.enum(['N', 'NE', 'E', 'SE', 'S', 'SW', 'W', 'NW']),
  },
  commands: {
    reboot: command(),
    set_interval: command({ payload: z.object({ interval: z.int().positive() }) }),
  },
  state: { recording_mode: state.enum(['continuous', 'burst'], { default: 'continuous' }) },
})
