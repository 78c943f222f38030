import {
  type AnyDeviceType,
  command,
  type Device,
  defineDeviceType,
  type Logger,
  type MessageRecord,
  reading,
  type SignalEvents,
  state,
} from '@devicehub/core'
import { z } from 'zod'

export const Outdoor = defineDeviceType('outdoor', {
  abstract: true,
  readings: { temperature: reading.float({ unit: '°C' }) },
})

export const WeatherStation = defineDeviceType('weather_station', {
  extends: Outdoor,
  readings: { humidity: reading.integer({ nullable: false }) },
  commands: {
    reboot: command(),
    set_interval: command({ payload: z.object({ interval: z.int().positive() }) }),
  },
  state: { recording_mode: state.enum(['continuous', 'burst'], { default: 'continuous' }) },
})

export const Door = defineDeviceType('door', { readings: { open: reading.boolean() } })

const message: MessageRecord = {
  id: '1',
  typeKey: 'weatherstation',
  deviceId: 'D-1',
  channel: 'data',
  direction: 'in',
  topic: 't',
  payloadJson: '{}',
  payloadRaw: null,
  contentType: null,
  correlationId: null,
  userProperties: null,
  source: 'test',
  qos: 1,
  redelivered: false,
  retained: false,
  status: 'processed',
  code: null,
  reason: null,
  flags: null,
  receivedAt: new Date(0),
  processedAt: new Date(0),
}

function device(type: AnyDeviceType): Device {
  return {
    type,
    deviceId: 'D-1',
    name: 'D-1',
    status: 'online',
    batteryLevel: null,
    lastSeen: null,
    firmwareVersion: null,
    isActive: true,
    mqttUsername: null,
    metadata: {},
    labels: {},
    state: {},
    createdAt: new Date(0),
    updatedAt: new Date(0),
  }
}

export const dataOf = (
  type: AnyDeviceType,
  readings: Record<string, unknown> = {},
): SignalEvents['deviceDataReceived'] => ({
  type,
  device: device(type),
  readings,
  measuredAt: new Date(0),
  flags: [],
  message,
})

export const connectedOf = (type: AnyDeviceType): SignalEvents['deviceConnected'] => ({
  type,
  device: device(type),
})

/** A logger that keeps its lines. */
export function keepingLogger() {
  const lines: { level: string; fields: Record<string, unknown>; message: string }[] = []
  const at = (level: string) => (fields: object, text?: string) =>
    void lines.push({ level, fields: fields as Record<string, unknown>, message: text ?? '' })
  const logger: Logger = { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
  return { logger, lines }
}
