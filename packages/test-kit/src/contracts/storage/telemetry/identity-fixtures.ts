import type { Storage } from '@devicehub/core'
import type { NewSample } from '@devicehub/core/storage'
import { expect } from 'vitest'
import { hashOf, Sensor, sample, samplesOf, T0 } from '../fixtures.js'

/** As the hub does: the hash covers the id, the values and the time the device claims. */
export const withId = (deviceId: string, sampleId: string, timestamp = T0, temperature = 1): NewSample =>
  sample(
    Sensor,
    deviceId,
    timestamp,
    { temperature },
    { sampleId, contentHash: hashOf(sampleId, timestamp, temperature) },
  )
/** The device gave no time: it is that of each arrival. */
export const untimed = (
  deviceId: string,
  sampleId: string,
  receivedAt: number,
  temperature: number,
): NewSample =>
  sample(
    Sensor,
    deviceId,
    receivedAt,
    { temperature },
    { receivedAt, sampleId, contentHash: hashOf(sampleId, temperature) },
  )
export const withHash = (deviceId: string, contentHash: number, timestamp = T0): NewSample =>
  sample(Sensor, deviceId, timestamp, { temperature: 1 }, { contentHash })

export const duplicate = (counts: number[], samples: [number, number[]][]) =>
  expect.objectContaining({ duplicates: counts, duplicateSamples: new Map(samples) })
export const allNew = expect.objectContaining({ duplicates: null, duplicateSamples: null })

export const flagsOf = async (storage: Storage, deviceId: string) =>
  (await samplesOf(storage, Sensor, deviceId)).map(({ values, flags }) => [values[0], flags])
