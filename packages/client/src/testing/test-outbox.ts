import { readdirSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { DeviceHubError } from '@devicehub/core/definition'
import { type Outbox, type OutboxOptions, openOutbox } from '../outbox/outbox.js'

export const ALL = { maxSamples: 1_000_000, maxBytes: 64 << 20 }
export const numbers = (count: number, from = 0) => Array.from({ length: count }, (_, i) => from + i)
export const body = (value: number | string) => Buffer.from(String(value))
/** A body of 100 bytes, 120 on disk. */
export const wide = (n: number) => String(n).padStart(100, '.')

export type TestOutbox = Outbox & AsyncDisposable & { readonly errors: DeviceHubError[] }

export async function open(folder: string, options: Partial<OutboxOptions> = {}): Promise<TestOutbox> {
  const errors: DeviceHubError[] = []
  const outbox = await openOutbox({
    folder,
    maxBytes: 1 << 20,
    drop: 'oldest',
    maxQueued: 10_000,
    maxQueuedBytes: 16 << 20,
    onError: (error) => errors.push(error),
    ...options,
  })
  return Object.assign(outbox, { errors, [Symbol.asyncDispose]: () => outbox.close() })
}

/** Takes out all that waits, or as many as `most`. */
export async function drain(outbox: Outbox, most = Number.POSITIVE_INFINITY): Promise<string[]> {
  const bodies: string[] = []
  while (bodies.length < most) {
    const batch = await outbox.read({ ...ALL, maxSamples: Math.min(500, most - bodies.length) })
    if (batch === null) return bodies
    bodies.push(...batch.records.map((record) => record.body.toString()))
    outbox.settle(batch, 'delivered')
  }
  return bodies
}

/** What waits, without taking it out. */
export async function waiting(folder: string): Promise<string[]> {
  const outbox = await open(folder)
  const batch = await outbox.read(ALL)
  await outbox.close()
  return batch?.records.map((record) => record.body.toString()) ?? []
}

export async function fill(folder: string, values: readonly (number | string)[]): Promise<void> {
  const outbox = await open(folder)
  await outbox.append(values.map(body))
  await outbox.close()
}

export const segmentsIn = (folder: string) =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.segment'))
    .sort()
    .map((name) => join(folder, name))

export const firstSegment = (folder: string) => segmentsIn(folder)[0] as string

export const bytesOfSegments = (folder: string) =>
  segmentsIn(folder).reduce((sum, file) => sum + statSync(file).size, 0)
