import type { IncomingMessage } from 'node:http'
import type { PlainResponse } from '../plain-response.js'
import {
  acceptReadBody,
  bodyIncomplete,
  bodyTooLarge,
  bodyTooSlow,
  type ReadBodyOptions,
} from '../read-body.js'

/** `readBody` for Node's own request: the same bounds and the same refusals. */
export function readIncomingBody(
  incoming: IncomingMessage,
  contentLength: string | null,
  options: ReadBodyOptions,
): Promise<Uint8Array | PlainResponse> {
  const { maxBytes, timeoutMs } = acceptReadBody(options)
  if (Number(contentLength ?? 0) > maxBytes) return Promise.resolve(bodyTooLarge(maxBytes))
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = []
    let length = 0
    const timer = setTimeout(() => settle(bodyTooSlow(timeoutMs)), timeoutMs)

    function settle(result: Uint8Array | PlainResponse): void {
      clearTimeout(timer)
      incoming.off('data', take).off('end', end).off('error', breakOff).off('close', breakOff)
      resolve(result)
    }
    function take(chunk: Uint8Array): void {
      length += chunk.byteLength
      if (length > maxBytes) settle(bodyTooLarge(maxBytes))
      else chunks.push(chunk)
    }
    function end(): void {
      settle(chunks.length === 1 ? (chunks[0] as Uint8Array) : Buffer.concat(chunks))
    }
    function breakOff(): void {
      settle(bodyIncomplete())
    }
    if (incoming.destroyed) return breakOff()
    incoming.on('data', take).on('end', end).on('error', breakOff).on('close', breakOff)
  })
}
