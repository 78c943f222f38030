import { defineDeviceType, reading } from '@devicehub/core'

export const Station = defineDeviceType('station', { readings: { temperature: reading.float() } })
