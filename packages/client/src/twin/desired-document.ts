import { type Codec, DeviceHubError } from '@devicehub/core/definition'
import { decodeWith, errorLine } from '@devicehub/core/transport'
import { isRecord } from '../is-record.js'
import { contextOf, type ReceivedMessage } from '../received-message.js'
import type { FieldState, StateFields } from './state-fields.js'

export interface DesiredDocument {
  readonly version: number
  readonly fields: ReadonlyMap<string, FieldState>
}

/** What arrives on `desired`; null: it was cleared. Fields that do not fit are left out and handed to `onError`. */
export function readDesired(
  message: ReceivedMessage,
  codec: Codec,
  stateFields: StateFields,
  onError: (error: DeviceHubError) => void,
): DesiredDocument | null {
  if (message.payload.byteLength === 0) return null
  let document: unknown
  try {
    document = decodeWith(codec, message.payload, contextOf(message, 'desired'))
  } catch (cause) {
    throw invalid(`a message on the topic of the desired state cannot be read as ${codec.name}`, cause)
  }
  const { desired, version } = isRecord(document) ? document : {}
  if (!isRecord(desired) || !Number.isSafeInteger(version) || (version as number) < 0)
    throw invalid('a message on the topic of the desired state is not {"desired": {...}, "version": 1}')
  const fields = new Map<string, FieldState>()
  for (const [name, value] of Object.entries(desired)) {
    try {
      fields.set(name, stateFields.check(name, value))
    } catch (cause) {
      onError(invalid(`version ${version} of the desired state: left out: ${errorLine(cause)}`, cause))
    }
  }
  return { version: version as number, fields }
}

const invalid = (message: string, cause?: unknown) =>
  new DeviceHubError('invalid_payload', message, { cause })
