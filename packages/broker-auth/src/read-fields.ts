import type { PlainRequest } from '@devicehub/http'
import type { BrokerCall } from './brokers/broker-adapter.js'

/** Fields of a form: brokers send about twelve. */
const FIELDS_MAX = 100

/** The fields of a JSON object or of a form; the status that says why there are none: 400 or 413. */
export async function readFields(
  request: PlainRequest,
  maxBytes: number,
): Promise<BrokerCall['fields'] | 400 | 413> {
  const body = await request.readBody({ maxBytes })
  if (!(body instanceof Uint8Array)) return body.status === 413 ? 413 : 400
  try {
    const content = new TextDecoder('utf-8', { fatal: true }).decode(body)
    const type = request.header('content-type') ?? ''
    return /^application\/x-www-form-urlencoded\b/i.test(type) ? formFields(content) : jsonFields(content)
  } catch {
    return 400
  }
}

function jsonFields(content: string): BrokerCall['fields'] | 400 {
  const value: unknown = JSON.parse(content)
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
  return isObject ? (value as Record<string, unknown>) : 400
}

/** A repeated name is refused: two parsers could differ on which value counts. */
function formFields(content: string): BrokerCall['fields'] | 400 {
  // Parsing half a million fields would block the event loop.
  if (content.split('&', FIELDS_MAX + 1).length > FIELDS_MAX) return 400
  const entries = [...new URLSearchParams(content)]
  const fields = new Map(entries)
  return fields.size === entries.length ? Object.fromEntries(fields) : 400
}
