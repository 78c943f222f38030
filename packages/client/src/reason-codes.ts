/** MQTT 5 reason codes and MQTT 3.1.1 return codes that the client decides by or names in errors. */
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
  147: 'receive maximum exceeded',
  149: 'packet too large',
  150: 'message rate too high',
  151: 'quota exceeded',
  152: 'administrative action',
  153: 'payload format invalid',
  154: 'retain not supported',
  155: 'QoS not supported',
  156: 'use another server',
  157: 'server moved',
  159: 'connection rate exceeded',
  160: 'maximum connect time',
}

/** For a message: the name, with the code as the standard writes it. */
export const reasonName = (code: number): string =>
  `${NAMES[code] ?? 'unknown reason'} (0x${code.toString(16).padStart(2, '0')})`

/** Receive Maximum exceeded, message rate too high, quota exceeded: send less, and again. */
export const isSlowDown = (code: number): boolean => code === 0x93 || code === 0x96 || code === 0x97

export const SESSION_TAKEN_OVER = 0x8e

/** CONNACK codes that come back however often one tries with the same options. */
const REFUSALS = new Set([
  1, 2, 4, 5, 0x81, 0x82, 0x84, 0x85, 0x86, 0x87, 0x8a, 0x8c, 0x90, 0x95, 0x99, 0x9a, 0x9b,
])
export const isRefusal = (code: number): boolean => REFUSALS.has(code)

/** mqtt.js puts the reason code into `code`, where errors of sockets have a text. */
export function reasonOf(error: unknown): number | null {
  const code = (error as { code?: unknown } | null)?.code
  return typeof code === 'number' ? code : null
}
