import type { AnyDeviceType } from '@devicehub/core'
import { conditionOf, devicePages, isCredentialGood } from '@devicehub/core/storage'
import type { ProvisionHub } from '../provision-hub.js'
import type { CredentialSink, SinkDevice, SyncReport } from '../sinks/credential-sink.js'
import { sinkDevice } from './sink-device.js'

const PAGE = 500

/** Makes each sink what it should be, one after the other, with all devices streamed anew for each; then rejects if one of them failed. */
export async function syncSinks(
  hub: ProvisionHub,
  sinks: readonly CredentialSink[],
): Promise<readonly SyncReport[]> {
  const reports: SyncReport[] = []
  let failure: { readonly error: unknown } | undefined
  for (const sink of sinks) {
    try {
      reports.push(await sink.sync(devicesWithPassword(hub)))
    } catch (error) {
      hub.logger.error({ sink: sink.name, err: error }, `the sink ${sink.name} could not be synchronised`)
      failure ??= { error }
    }
  }
  if (failure !== undefined) throw failure.error
  return reports
}

/** Active devices with a password that is good now. */
async function* devicesWithPassword(hub: ProvisionHub): AsyncGenerator<SinkDevice> {
  for (const type of hub.types) {
    const active = conditionOf(type, { isActive: true })
    for await (const page of devicePages(hub.storage.devices, type, active, PAGE)) {
      const ids = page.map(({ deviceId }) => deviceId)
      const known = await withPassword(hub, type, ids)
      for (const deviceId of ids) if (known.has(deviceId)) yield sinkDevice(hub, type, deviceId)
    }
  }
}

async function withPassword(
  { storage, clock }: ProvisionHub,
  type: AnyDeviceType,
  deviceIds: readonly string[],
): Promise<ReadonlySet<string>> {
  if (deviceIds.length === 0) return new Set()
  const now = clock.now()
  const found = await storage.credentials.ofDevices(type, deviceIds)
  return new Set(
    found
      .filter((one) => one.kind === 'password' && isCredentialGood(one, now))
      .map(({ deviceId }) => deviceId),
  )
}
