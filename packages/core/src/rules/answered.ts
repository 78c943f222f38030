import { showKind } from '../model/check/show-value.js'
import { errorLine } from '../model/codec/text.js'
import { DeviceHubError, isDeviceHubError } from '../model/errors.js'
import type { Shape, WrongResult } from './result-shapes.js'

export type Method = (...given: unknown[]) => unknown

/**
 * A function of an implementer's, as the hub calls it: it rejects with `DeviceHubError`s alone, and what it returns is what
 * is due. `call`: `devices.list`, or `commit`.
 */
export const answered =
  (storage: string, call: string, returns: Shape, method: Method) =>
  async (...given: unknown[]): Promise<unknown> => {
    let answer: unknown
    try {
      answer = await method(...given)
    } catch (cause) {
      throw isDeviceHubError(cause) ? cause : untold(storage, call, cause)
    }
    const wrong = wrongOf(returns, answer)
    if (wrong !== null) throw misfit(storage, call, wrong)
    return answer
  }

/** A proxy, or a getter that throws: no result that anybody could use. */
function wrongOf(returns: Shape, answer: unknown): WrongResult | null {
  try {
    return returns(answer)
  } catch {
    return { at: '', value: answer, due: 'a result that can be read' }
  }
}

const detailsOf = (storage: string, call: string) => {
  const [method, store] = call.split('.').reverse()
  return { storage, ...(store !== undefined && { store }), method }
}

/**
 * It does not say whether trying again helps. The hub then waits: what is acknowledged without being stored is lost, and a
 * database that is away for a moment is the likeliest cause. docs/decisions/unknown-errors-of-a-storage.md
 */
const untold = (storage: string, call: string, cause: unknown) =>
  new DeviceHubError(
    'storage_unavailable',
    `The storage "${storage}" threw in ${call}: ${errorLine(cause)}. It did not say whether trying again helps: a storage throws a DeviceHubError, storage_failed for what it refuses`,
    { details: detailsOf(storage, call), cause },
  )

const misfit = (storage: string, call: string, { at, value, due }: WrongResult) =>
  new DeviceHubError(
    'storage_failed',
    `The storage "${storage}" is not written as it has to be: ${call} returned ${showKind(value)}${at && ` as ${at.replace(/^\./, '')}`}; ${due} is due`,
    { details: { ...detailsOf(storage, call), ...(at !== '' && { at }), due } },
  )

export const cannotOpen = (storage: string, cause: unknown) =>
  new DeviceHubError('storage_failed', `The storage "${storage}" could not be opened: ${errorLine(cause)}`, {
    details: { storage, method: 'open' },
    cause,
  })
