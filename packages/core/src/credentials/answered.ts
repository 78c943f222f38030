import { DeviceHubError } from '../model/errors.js'
import { doneWithin } from '../timing/done-within.js'

/** Milliseconds until a database that does not answer counts as away. */
export const PATIENCE = 5_000

/** Gives up waiting with `storage_unavailable`; what comes later is nobody's. */
export async function answered<Answer>(answer: Promise<Answer>, patience: number): Promise<Answer> {
  if (await doneWithin(patience, answer)) return answer
  throw new DeviceHubError(
    'storage_unavailable',
    `the database did not answer a look-up of credentials within ${patience} ms`,
  )
}
