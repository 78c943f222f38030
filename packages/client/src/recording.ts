import type { AnyDeviceType } from '@devicehub/core/definition'
import type { BatchSample, RecordOptions } from './device-client.js'
import { acceptBatch, acceptReadings, acceptRecord, acceptWait } from './option-rules.js'
import { createSampleEncoder } from './sample.js'
import type { SampleQueue } from './sample-queue.js'

type Readings = Readonly<Record<string, unknown>>

export interface RecordingOptions {
  readonly type: AnyDeviceType | null
  readonly binary: Parameters<typeof createSampleEncoder>[1]
  readonly samples: SampleQueue
  /** Throws where nothing can be recorded. */
  readonly assertOpen: () => void
}

/** Samples as the application gives them: checked, with time and id, handed to the queue. */
export function createRecording({ type, binary, samples, assertOpen }: RecordingOptions) {
  const encodeSample = createSampleEncoder(type, binary)
  return {
    async record(readings: Readings, given: RecordOptions = {}): Promise<void> {
      assertOpen()
      const options = acceptRecord(given)
      await samples.record(encodeSample(acceptReadings(readings), options), options.signal)
    },
    async recordBatch(
      batch: readonly BatchSample<Readings>[],
      given: Pick<RecordOptions, 'signal'> = {},
    ): Promise<void> {
      assertOpen()
      const { signal } = acceptWait('client.recordBatch', given)
      const encoded = acceptBatch(batch).map(({ readings, ...options }) => encodeSample(readings, options))
      await samples.recordBatch(encoded, signal)
    },
  }
}
