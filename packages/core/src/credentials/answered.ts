import { DeviceHubError } from '../errors.js'

/** Milliseconds until a database that does not answer counts as away. */
export const PATIENCE = 5_000

/** Gives up waiting with `storage_unavailable`; what comes later is nobody's. */
export async function answered<Answer>(answer: Promise<Answer>, patience: number): Promise<Answer> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(
      () =>
        reject(
          new DeviceHubError(
            'storage_unavailable',
            `the database did not answer a look-up of credentials within ${patience} ms`,
          ),
        ),
      patience,
    )
  })
  try {
    return await Promise.race([answer, late])
  } finally {
    clearTimeout(timer)
  }
}
