import { defineDeviceType, reading, state } from '@devicehub/core'

export const WeatherStation = defineDeviceType('weatherstation', {
  readings: {
    temperature: reading.float({ unit: '°C' }),
    sky: reading.enum(['clear', 'cloudy', 'rain']),
  },
  state: { recording_mode: state.enum(['continuous', 'burst'], { default: 'continuous' }) },
})
