import type { Logger } from '@devicehub/core'
import type { PlainRequest, PlainResponse } from '@devicehub/http'
import type { Decider } from '../decision.js'
import type { Presence } from '../presence.js'

/** The request and response formats of one broker. One file per broker exports one. */
export interface BrokerAdapter {
  /** The first level of its paths: `emqx`. Also in `sources` of presence: `broker:emqx`. */
  readonly name: string
  readonly routes: readonly BrokerRoute[]
}

export interface BrokerRoute {
  /** Relative to where the handler is mounted: `/emqx/authn`. All take POST. */
  readonly path: string
  /**
   * Called only when the caller has authenticated and the body could be read. If it throws, that is counted and answered
   * with `refuse(500)`.
   */
  answer(call: BrokerCall, context: BrokerContext): Promise<PlainResponse>
  /**
   * The broker's own form of a denial, for requests that do not reach `answer`: 400 for a body that cannot be read, 413 for
   * one that is too long, 500 for a defect. The number is the status of plain HTTP; most brokers expect another.
   */
  refuse(status: 400 | 413 | 500): PlainResponse
}

export interface BrokerCall {
  /** Of the JSON object, or of the form (then each value is a text, the first of that name). Nothing in it can be trusted. */
  readonly fields: Readonly<Record<string, unknown>>
  readonly header: PlainRequest['header']
}

export interface BrokerContext {
  readonly decider: Decider
  readonly presence: Presence
  readonly logger: Logger
  /** Epoch milliseconds by the hub's clock. */
  now(): number
}

/** A field as text: numbers and booleans as they are written; '' when it is missing or something else. */
export function text(fields: BrokerCall['fields'], name: string): string {
  const value = Object.hasOwn(fields, name) ? fields[name] : undefined
  if (typeof value === 'string') return value
  return typeof value === 'number' || typeof value === 'boolean' ? String(value) : ''
}

const JSON_HEADERS = { 'content-type': 'application/json', 'cache-control': 'no-store' }
const TEXT_HEADERS = { 'content-type': 'text/plain', 'cache-control': 'no-store' }
const EMPTY_HEADERS = { 'cache-control': 'no-store' }

export const jsonResponse = (body: unknown, status = 200): PlainResponse => ({
  status,
  headers: JSON_HEADERS,
  body: JSON.stringify(body),
})

export const textResponse = (body: string, status = 200): PlainResponse => ({
  status,
  headers: TEXT_HEADERS,
  body,
})

export const emptyResponse = (status: number): PlainResponse => ({
  status,
  headers: EMPTY_HEADERS,
  body: null,
})
