import { trusting } from '../model/check/trusting.js'
import { toLine } from '../model/codec/text.js'
import { reasonName } from './reason-codes.js'

/** What a server says in its DISCONNECT, or in a CONNACK that refuses a connection (MQTT 5). Its texts are single lines of at most 200 characters. */
export interface ServerDisconnect {
  /** Of MQTT 5: 142 (0x8e) for a session that was taken over. */
  readonly reasonCode: number
  /** Null: it gave none. */
  readonly reasonString: string | null
  /** The server to use instead; null: it named none. Only told: nobody connects there by themselves. */
  readonly serverReference: string | null
}

/** A DISCONNECT, or a CONNACK, as a parser of MQTT packets gives it. */
export interface DisconnectPacket {
  /** Of MQTT 5; left out: 0. */
  readonly reasonCode?: number | undefined
  /** Not checked: a server may send anything. */
  readonly properties?: { readonly reasonString?: unknown; readonly serverReference?: unknown } | undefined
}

const TEXT_MAX = 200

/** A text of the server, which may be a hostile one. */
const lineOf = (text: unknown): string | null =>
  typeof text === 'string' && text !== '' ? toLine(text, TEXT_MAX) : null

/** Reads a DISCONNECT of the server, or a CONNACK that refuses. A DISCONNECT without a reason code is a normal disconnection, 0 [MQTT-3.14.2.1]. */
export const readDisconnect = trusting(
  'readDisconnect',
  'a DISCONNECT or CONNACK packet',
  ({ reasonCode = 0, properties }: DisconnectPacket): ServerDisconnect => ({
    reasonCode,
    reasonString: lineOf(properties?.reasonString),
    serverReference: lineOf(properties?.serverReference),
  }),
)

/** Why the server ended or refused the connection, for log lines and errors: name and code, its own words, the other server. */
export const disconnectReason = trusting(
  'disconnectReason',
  'what readDisconnect() returned',
  ({ reasonCode, reasonString, serverReference }: ServerDisconnect): string => {
    const name = reasonCode === 0 ? 'normal disconnection (0x00)' : reasonName(reasonCode)
    const said = reasonString === null ? '' : `, "${reasonString}"`
    return `${name}${said}${serverReference === null ? '' : `; it refers to the server "${serverReference}"`}`
  },
)
