import type { Storage } from '@devicehub/core'
import type { DeviceRecord } from '@devicehub/core/storage'
import { device, Sensor, sample, store, T0 } from '../fixtures.js'
import {
  type PlainDevice,
  type PlainValue,
  pick,
  READING_FIELDS,
  STATE_FIELDS,
  VALUES,
} from './selector-model.js'

const DEVICES = 60

/** Devices with random values, some absent. What they are in plain objects. */
export async function storeDevices(storage: Storage, random: () => number): Promise<PlainDevice[]> {
  const randomValue = (kind: string): PlainValue =>
    random() < 0.3 ? null : pick(random, VALUES[kind] as readonly PlainValue[])
  const valuesOf = (fields: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(fields).map(([name, kind]) => [name, randomValue(kind)]))
  const devices: PlainDevice[] = []
  for (let index = 0; index < DEVICES; index++) {
    const labels = Object.fromEntries(
      ['site', 'customer'].flatMap((key) => {
        const value = randomValue('label')
        return value === null ? [] : [[key, value as string]]
      }),
    )
    const plain: PlainDevice = {
      deviceId: `d${index}`,
      name: `Name ${(index * 7) % DEVICES}${index % 9 === 0 ? '%' : ''}`,
      status: pick(random, VALUES.status as readonly string[]),
      isActive: random() < 0.7,
      batteryLevel: randomValue('batteryLevel') as number | null,
      firmwareVersion: randomValue('firmwareVersion') as string | null,
      lastSeen: randomValue('lastSeen') as number | null,
      createdAt: T0 + (index % 5),
      updatedAt: T0,
      labels,
      state: valuesOf(STATE_FIELDS),
      readings: random() < 0.2 ? {} : valuesOf(READING_FIELDS),
    }
    devices.push(plain)
  }
  await storage.devices.ensure(Sensor, devices.map(recordOf))
  for (const { deviceId, readings } of devices) await storeReadings(storage, deviceId, readings)
  return devices
}

export const recordOf = ({ readings: _readings, state, ...plain }: PlainDevice): DeviceRecord =>
  device(Sensor, plain.deviceId, {
    ...plain,
    status: plain.status as DeviceRecord['status'],
    state: Sensor.stateNames.map((name) => state[name] ?? null),
  })

/** A first sample with other values, then one of each reading: the last of each is what counts. */
async function storeReadings(
  storage: Storage,
  deviceId: string,
  readings: PlainDevice['readings'],
): Promise<void> {
  const known = Object.entries(readings).filter(([, value]) => value !== null)
  if (known.length === 0) return
  const before = Object.fromEntries(
    known.map(([name]) => [name, VALUES[READING_FIELDS[name as keyof typeof READING_FIELDS]]?.[0] ?? null]),
  )
  await store(storage, Sensor, deviceId, [
    sample(Sensor, deviceId, T0, before),
    ...known.map(([name, value], index) => sample(Sensor, deviceId, T0 + 1 + index, { [name]: value })),
  ])
}
