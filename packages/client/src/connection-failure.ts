import { DeviceHubError, isDeviceHubError } from '@devicehub/core/definition'
import {
  disconnectReason,
  isCertificateError,
  isRefusal,
  reasonName,
  reasonOf,
  refusalAdvice,
} from '@devicehub/core/transport'
import { ConnectRefused } from './broker-connection.js'

/** Whether trying again with the same options is useless. A certificate that is not valid yet may be the device's clock: tried again. */
export function isPermanent(error: unknown): boolean {
  if (isDeviceHubError(error)) return error.code === 'connection_refused'
  const reason = reasonOf(error)
  return reason === null ? isCertificateError(error) : isRefusal(reason)
}

/** What the network or the broker said, as an error of this project. */
export function describeFailure(error: unknown, place: string, clientId: string): DeviceHubError {
  if (isDeviceHubError(error)) return error
  const reasonCode = reasonOf(error)
  const refusal = error instanceof ConnectRefused ? error.said : null
  const name = reasonCode !== null ? reasonName(reasonCode) : messageOf(error)
  const said = refusal === null ? name : disconnectReason(refusal)
  const advice = adviceFor(reasonCode, error)
  const [code, what] = isPermanent(error)
    ? (['connection_refused', `refused the connection of client id '${clientId}'`] as const)
    : (['transport_unavailable', 'cannot be reached'] as const)
  const who = isCertificateError(error) ? 'is not trusted' : what
  return new DeviceHubError(code, `${place} ${who}: ${said}${advice}`, {
    details: { reasonCode, ...refusal },
    cause: refusal === null ? error : (error as Error).cause,
  })
}

/** An AggregateError of several addresses has no message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

function adviceFor(reasonCode: number | null, error: unknown): string {
  if (isCertificateError(error))
    return '; give the certificate authority as tls.ca, or the name as tls.servername'
  const advice = reasonCode === null ? null : refusalAdvice(reasonCode)
  return advice === null ? '' : `; ${advice}`
}
