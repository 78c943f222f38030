import type { NewSample } from '@devicehub/core/storage'

type Id = Pick<NewSample, 'deviceId' | 'sampleId'>
export const idIdentity = ({ deviceId, sampleId }: Id): string => `${deviceId.length}.${deviceId}${sampleId}`

type Content = Pick<NewSample, 'deviceId' | 'timestamp' | 'contentHash'>
export const contentIdentity = ({ deviceId, timestamp, contentHash }: Content): string =>
  `${timestamp}.${contentHash}.${deviceId}`

/** `sample_reuse` of a row whose id has passed to another: never 0. */
export const reuseMark = (contentHash: number | null): number => contentHash || -1
