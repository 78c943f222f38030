import { onTestFinished } from 'vitest'
import {
  createDeviceHub,
  createPresenceMonitor,
  type DeviceHub,
  defineDeviceType,
  memoryStorage,
  type PresenceMonitor,
  type PresenceOptions,
  reading,
  type SignalEvents,
  type SignalName,
  type StorageAdapter,
  silentLogger,
} from '../../index.js'

export const heard: string[] = []
/** Overdue after 25 s. */
export const Station = defineDeviceType('station', {
  heartbeatInterval: 10,
  unknownDevice: 'register',
  readings: { level: reading.float() },
  hooks: {
    onStatusChange: ({ device, oldStatus, newStatus }) => {
      heard.push(`hook ${device.deviceId} ${oldStatus} ${newStatus}`)
    },
    onDisconnect: ({ device, reason }) => {
      heard.push(`hook ${device.deviceId} gone: ${reason}`)
    },
  },
})
/** Overdue after 250 s. */
export const Tank = defineDeviceType('tank', {
  heartbeatInterval: 100,
  unknownDevice: 'register',
  readings: { level: reading.float() },
})
export const T0 = Date.UTC(2026, 0, 5)

interface Announced {
  readonly name: SignalName
  readonly deviceId: string
  readonly event: SignalEvents[SignalName]
}

/** Closed after the test, the newest first. */
export const closeLater = (one: AsyncDisposable) =>
  onTestFinished(async () => {
    await one[Symbol.asyncDispose]()
    heard.length = 0
  })

export const clock = { time: T0, now: () => clock.time }

export function hubOn(storage: StorageAdapter = memoryStorage()) {
  clock.time = T0
  const announced: Announced[] = []
  const signals = {
    emit<Name extends SignalName>(name: Name, event: SignalEvents[Name]) {
      announced.push({ name, deviceId: event.device.deviceId, event })
    },
    hasSubscribers: () => true,
  }
  const hub = createDeviceHub({ types: [Station, Tank], storage, signals, clock, logger: silentLogger })
  closeLater(hub)
  return { hub, announced }
}

/** The tests sweep themselves: `every` only says how far apart two sweeps may lie (15 s). */
export function monitorOf(hub: DeviceHub, options: PresenceOptions = {}): PresenceMonitor {
  const monitor = createPresenceMonitor(hub, { every: 10, ...options })
  closeLater(monitor)
  return monitor
}

export async function send(
  hub: DeviceHub,
  deviceId: string,
  payload: object,
  channel = 'data',
  type = 'station',
) {
  await hub.ingest([
    {
      topic: `things/${type}/${deviceId}/${channel}`,
      payload: new TextEncoder().encode(JSON.stringify(payload)),
      source: 'test',
    },
  ])
}

/** Lets time pass, with a sweep every 5 s; how many were marked. */
export async function pass(seconds: number, ...monitors: readonly PresenceMonitor[]): Promise<number> {
  let marked = 0
  for (let left = seconds; left > 0; left -= 5) {
    clock.time += Math.min(5, left) * 1000
    for (const monitor of monitors) marked += await monitor.sweep()
  }
  return marked
}

export const statusOf = async (hub: DeviceHub, deviceId: string) =>
  (await hub.devices.get(Station, deviceId))?.status
export const hubRows = async (hub: DeviceHub, deviceId: string) =>
  (await hub.messages.list(Station, { deviceId })).items.filter(({ direction }) => direction === 'hub')

/** Fails by the test's own limit. */
export async function waitUntil(_what: string, condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 2))
}
