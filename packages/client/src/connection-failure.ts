import { DeviceHubError, isDeviceHubError } from '@devicehub/core/definition'
import { isRefusal, reasonName, reasonOf } from './reason-codes.js'

/** Codes of Node's TLS errors that come back until somebody changes a certificate, a name or an option. */
const CERTIFICATE_ERRORS = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

const textCode = (error: unknown): string | null => {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'string' ? code : null
}

/** Whether trying again with the same options is useless. A certificate that is not valid yet is the device's clock, and passes. */
export function isPermanent(error: unknown): boolean {
  if (isDeviceHubError(error)) return error.code === 'connection_refused'
  const reason = reasonOf(error)
  return reason === null ? CERTIFICATE_ERRORS.has(textCode(error) ?? '') : isRefusal(reason)
}

/** What the network or the broker said, as an error of this project. */
export function describeFailure(error: unknown, place: string): DeviceHubError {
  if (isDeviceHubError(error)) return error
  const reasonCode = reasonOf(error)
  const said = reasonCode !== null ? reasonName(reasonCode) : messageOf(error)
  const advice = adviceFor(reasonCode, textCode(error))
  const [code, what] = isPermanent(error)
    ? (['connection_refused', 'refused the connection'] as const)
    : (['transport_unavailable', 'cannot be reached'] as const)
  const who = CERTIFICATE_ERRORS.has(textCode(error) ?? '') ? 'is not trusted' : what
  return new DeviceHubError(code, `${place} ${who}: ${said}${advice}`, {
    details: { reasonCode },
    cause: error,
  })
}

/** An AggregateError of several addresses has no message of its own. */
function messageOf(error: unknown): string {
  if (error instanceof AggregateError && error.message === '') return error.errors.map(messageOf).join('; ')
  return error instanceof Error ? error.message : String(error)
}

function adviceFor(reasonCode: number | null, code: string | null): string {
  if (code !== null && CERTIFICATE_ERRORS.has(code))
    return '; give the certificate authority as tls.ca, or the name as tls.servername'
  if (reasonCode === 1 || reasonCode === 0x84) return '; try protocolVersion: 4 for a broker without MQTT 5'
  if (reasonCode === 4 || reasonCode === 0x86) return '; check the credentials'
  if (reasonCode === 2 || reasonCode === 0x85) return '; the broker wants another clientId'
  return ''
}
