import { doneWithin } from '@devicehub-internal/async'
import { DeviceHubError } from '../model/errors.js'

/** Default of `timeoutMs`: a database that is silent for longer counts as unavailable. */
export const LOOKUP_TIMEOUT_MS = 5_000

/** Rejects with `storage_unavailable` after `timeoutMs`; a later result is ignored. */
export async function withTimeout<Result>(query: Promise<Result>, timeoutMs: number): Promise<Result> {
  if (await doneWithin(timeoutMs, query)) return query
  throw new DeviceHubError(
    'storage_unavailable',
    `the database did not answer a credential lookup within ${timeoutMs} ms`,
  )
}
