import type { AnyDeviceType } from '@devicehub/core'
import type { CredentialWrite } from '@devicehub/core/storage'
import type { ProvisionHub } from '../provision-hub.js'
import type { SinkChange } from '../sinks/credential-sink.js'
import { hasCredentials, notFound } from './check-request.js'
import type { SinkTeller, Told } from './tell-sinks.js'

export interface DeviceWrite {
  /** Asked for when it is its turn. */
  readonly write: () => Omit<CredentialWrite, 'type' | 'deviceId' | 'onlyNew'>
  /** Null: the sinks have nothing to hear of it. */
  readonly change: () => SinkChange | null
}

/** Of one device, and told to the sinks. `device_not_found`, `credential_taken`. */
export function writeInStep(
  { storage }: Pick<ProvisionHub, 'storage'>,
  teller: SinkTeller,
  type: AnyDeviceType,
  deviceId: string,
  { write, change }: DeviceWrite,
): Promise<Told<unknown>> {
  return teller.inStep(async () => {
    const own = write()
    const [result] = await storage.credentials.write([{ type, deviceId, onlyNew: false, ...own }])
    if (result === 'device_not_found') throw notFound(type, deviceId)
    if (result === 'has_credentials') throw hasCredentials(type, deviceId, own.onlyWithout ?? [])
    const changes = () => {
      const told = change()
      return told === null ? [] : [told]
    }
    return { result, changes }
  })
}
