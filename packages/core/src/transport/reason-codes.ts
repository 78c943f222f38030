import { trusting } from '../model/check/trusting.js'

/** MQTT 5 reason codes and MQTT 3.1.1 return codes that are decided by or named in errors. */
const NAMES: Readonly<Record<number, string>> = {
  1: 'unacceptable protocol version',
  2: 'client id rejected',
  3: 'server unavailable',
  4: 'bad user name or password',
  5: 'not authorized',
  128: 'unspecified error',
  129: 'malformed packet',
  130: 'protocol error',
  131: 'implementation specific error',
  132: 'unsupported protocol version',
  133: 'client id not valid',
  134: 'bad user name or password',
  135: 'not authorized',
  136: 'server unavailable',
  137: 'server busy',
  138: 'banned',
  139: 'server shutting down',
  140: 'bad authentication method',
  141: 'keep alive timeout',
  142: 'session taken over',
  143: 'topic filter invalid',
  144: 'topic name invalid',
  145: 'packet identifier in use',
  146: 'packet identifier not found',
  147: 'receive maximum exceeded',
  148: 'topic alias invalid',
  149: 'packet too large',
  150: 'message rate too high',
  151: 'quota exceeded',
  152: 'administrative action',
  153: 'payload format invalid',
  154: 'retain not supported',
  155: 'QoS not supported',
  156: 'use another server',
  157: 'server moved',
  158: 'shared subscriptions not supported',
  159: 'connection rate exceeded',
  160: 'maximum connect time',
  161: 'subscription identifiers not supported',
  162: 'wildcard subscriptions not supported',
}

/** For a message: the name, with the code as the standard writes it. */
export const reasonName = trusting(
  'reasonName',
  'a reason code',
  (code: number): string => `${NAMES[code] ?? 'unknown reason'} (0x${code.toString(16).padStart(2, '0')})`,
)

/** Receive Maximum exceeded, message rate too high, quota exceeded: send less, and again. */
export const isSlowDown = (code: number): boolean => code === 0x93 || code === 0x96 || code === 0x97

/** Reason code of MQTT 5: another client with the same id has connected. */
export const SESSION_TAKEN_OVER = 0x8e

/** CONNACK codes that come back however often one tries with the same options. */
const REFUSALS = new Set([
  1, 2, 4, 5, 0x81, 0x82, 0x84, 0x85, 0x86, 0x87, 0x8a, 0x8c, 0x90, 0x95, 0x99, 0x9a, 0x9b, 0x9d,
])
/** Whether a CONNACK code comes back however often one tries with the same options. */
export const isRefusal = (code: number): boolean => REFUSALS.has(code)

/** mqtt.js puts the reason code into `code`, where errors of sockets have a text. */
export function reasonOf(error: unknown): number | null {
  const code = codeOf(error)
  return typeof code === 'number' ? code : null
}

/** Of an error that may be anything. */
function codeOf(error: unknown): unknown {
  try {
    return (error as { code?: unknown } | null | undefined)?.code
  } catch {
    return undefined
  }
}

/** Codes of Node's TLS errors that come back until somebody changes a certificate, a name or an option. */
const CERTIFICATE_ERRORS: ReadonlySet<unknown> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
])

/** A certificate that is not valid yet is none: it may be the clock of the machine, and passes. */
export const isCertificateError = (error: unknown): boolean => CERTIFICATE_ERRORS.has(codeOf(error))

const ADVICE: Readonly<Record<number, string>> = {
  1: 'try protocolVersion: 4 for a broker without MQTT 5',
  2: 'the broker wants another clientId',
  4: 'check the user name and the password',
  5: 'check the user name and the password, and whether the broker lets this client id in',
  138: 'the broker has banned this client: lift the ban there',
  140: 'the broker wants another way of authentication than user name and password',
  144: 'the broker does not accept the topic of the will',
  149: 'the broker takes smaller packets only: make the will smaller',
  154: 'the broker keeps no retained messages: send the will without retain',
  155: 'the broker does not take the QoS of the will',
  157: 'the broker has moved: set `url` to its new address',
}
const SAME_AS: Readonly<Record<number, number>> = { 132: 1, 133: 2, 134: 4, 135: 5 }

/** What to do about a refusal; null where the name says it all. */
export const refusalAdvice = trusting(
  'refusalAdvice',
  'a reason code',
  (code: number): string | null => ADVICE[SAME_AS[code] ?? code] ?? null,
)

const UNANSWERED = 'the broker closed the connection without an answer (CONNACK)'
const NO_TLS = 'the port speaks no TLS: use mqtt:// or ws://'
const IS_TLS = 'it is a TLS port: use mqtts:// or wss://'

/** Of Node, when what answers the TLS handshake is no TLS, or nothing at all. */
const NO_HANDSHAKE =
  /before secure TLS connection was established|wrong version number|packet length too long/i
/** Of mqtt.js, for the alert with which a TLS server answers a CONNECT that it took for a handshake. */
const NO_MQTT = /^(Invalid header flag bits|Malformed)/

/** Of mqtt.js, for an HTTP answer: its first letter, H, reads as a PUBACK with flags. */
const IS_HTTP_ANSWER = /^Invalid header flag bits.*puback/
const IS_HTTP = 'it is a WebSocket port: use ws:// or wss://'
const NO_WEB_SOCKET = 'the port speaks no WebSocket: use mqtt:// or mqtts://'
/** mqtt.js keeps the HTTP status of a path that is not served to itself. */
const OTHER_PATH = "the path in `url` is not the broker's: most have /mqtt, as in ws://localhost:8083/mqtt"

/**
 * Why a connection to `url` ended before the CONNACK, with what to try; null when the error says it all. RabbitMQ 3 and
 * rumqttd close without an answer when they are spoken to in MQTT 5, and so does a port that is for TLS, or is not.
 */
export const closedUnanswered = trusting(
  'closedUnanswered',
  'a protocol version, a URL and an error',
  (protocolVersion: 4 | 5, url: string, error: Error | null = null): string | null => {
    const secure = /^(mqtts|wss):/i.test(url)
    const said = error?.message ?? ''
    if (secure && NO_HANDSHAKE.test(said)) return `${said}; perhaps ${NO_TLS}`
    const webSocket = /^wss?:/i.test(url)
    if (!webSocket && IS_HTTP_ANSWER.test(said)) return `${said}; perhaps ${IS_HTTP}`
    if (!secure && NO_MQTT.test(said)) return `${said}; perhaps ${IS_TLS}`
    if (error !== null && codeOf(error) !== 'ECONNRESET') return null
    const version =
      protocolVersion === 5 ? 'it does not speak MQTT 5: set protocolVersion to 4 for MQTT 3.1.1, or ' : ''
    return `${said === '' ? '' : `${said}; `}${UNANSWERED}; perhaps ${version}${webSocket ? `${OTHER_PATH}, or ${NO_WEB_SOCKET}, or ` : ''}${secure ? NO_TLS : IS_TLS}`
  },
)
