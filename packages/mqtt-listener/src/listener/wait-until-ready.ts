import { DeviceHubError, isDeviceHubError } from '@devicehub/core'
import { unlessAborted, withTimeout } from '@devicehub-internal/async'
import { asError, ConnectionError, closedError } from '../connection/connection-error.js'
import type { BrokerSettings } from '../settings/broker-settings.js'

/** Something that connects. `ready()` rejects when no attempt can succeed. */
interface Starting {
  ready(): Promise<void>
  readonly lastError: Error | null
}

/**
 * Resolves when all are ready. Rejects when one can never be ready, with `closed` when the listener is stopped meanwhile,
 * and after `connectTimeout` with the reason why the last attempt failed.
 */
export async function waitUntilReady(
  all: readonly Starting[],
  { url, connectTimeout }: BrokerSettings,
  stopped: AbortSignal,
): Promise<void> {
  const ready = Promise.all(
    all.map(async (each) => {
      try {
        await each.ready()
      } catch (error) {
        throw asPermanent(error)
      }
    }),
  )
  const unlessStopped = unlessAborted(stopped, ready, () => {
    throw closedError(`the listener of ${url} was stopped while it started`)
  })
  await withTimeout(connectTimeout, unlessStopped, () => {
    const cause = all.map(({ lastError }) => lastError).find((error) => error !== null)
    throw new DeviceHubError(
      isDeviceHubError(cause, 'storage_unavailable') ? 'storage_unavailable' : 'transport_unavailable',
      `not connected and subscribed within ${connectTimeout} ms: ${cause?.message ?? `the broker at ${url} did not answer`}`,
      cause === undefined ? {} : { cause },
    )
  })
}

function asPermanent(error: unknown): DeviceHubError {
  if (isDeviceHubError(error)) return error
  const code = error instanceof ConnectionError ? error.permanentCode : null
  return new DeviceHubError(code ?? 'invalid_options', asError(error).message, { cause: error })
}
