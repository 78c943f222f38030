import { type AnyDeviceType, type DeviceHubError, isDeviceHubError } from '@devicehub/core'
import type { CredentialOutcome, CredentialWrite, DeviceRecord } from '@devicehub/core/storage'
import { secretOf, toDevice } from '@devicehub/core/transport'
import { notFound } from '../credentials/check-request.js'
import { ALL_KINDS, makeCredentials } from '../credentials/make-credentials.js'
import { sinkDevice } from '../credentials/sink-device.js'
import type { Committed, SinkTeller } from '../credentials/tell-sinks.js'
import type { ProvisionHub } from '../provision-hub.js'
import type { SinkChange } from '../sinks/credential-sink.js'
import type { Tally } from './import-report.js'
import type { ImportedDevice, OutputWriter } from './imported-device.js'

export interface ImportItem {
  readonly line: number
  /** Of a device that may exist already. */
  readonly record: DeviceRecord
}

export interface BatchContext {
  readonly hub: ProvisionHub
  readonly teller: SinkTeller
  readonly type: AnyDeviceType
  readonly output: OutputWriter
  readonly tally: Tally
  readonly expiresAt: number | null
  readonly rotate: boolean
  /** Milliseconds. */
  readonly overlap: number
}

interface Prepared {
  readonly item: ImportItem
  readonly isNew: boolean
  readonly write: CredentialWrite
  readonly device: ImportedDevice
}

type Outcome = CredentialOutcome | DeviceHubError

/**
 * Writes one batch: the secrets to the output first, then the devices. A crash in between leaves secrets without a
 * device, never a device whose secrets nobody has. Returns how many rows came to an end; with `skipExisting` those of
 * devices that exist do not count.
 */
export function createBatchWriter(context: BatchContext) {
  const { hub, teller, type, output, tally, rotate } = context
  const { storage, signals } = hub

  return async function writeBatch(
    items: readonly ImportItem[],
    { skipExisting = false } = {},
  ): Promise<number> {
    const found = await storage.devices.find(
      type,
      items.map(({ record }) => record.deviceId),
    )
    const present = new Map(found.map((record) => [record.deviceId, record]))
    let ended = items.length
    const leave = ({ line, record }: ImportItem) => {
      if (skipExisting) ended--
      else tally.done(line, record.deviceId, 'existing')
    }
    const prepared: Prepared[] = []
    for (const item of items) {
      const before = present.get(item.record.deviceId)
      if (before !== undefined && !rotate) leave(item)
      else prepared.push(prepare(item, before, context))
    }
    if (prepared.length > 0) {
      await output.write(prepared.map(({ device }) => device))
      const { result, sinkErrors } = await teller.inStep(() => commit(prepared))
      tally.sinkErrors(sinkErrors)
      output.discard(new Set(prepared.filter((_, index) => !isWritten(result[index])).map(idOf)))
      prepared.forEach(({ item, isNew }, index) => {
        const outcome = result[index] as Outcome
        const { deviceId } = item.record
        if (outcome === 'existing') leave(item)
        else if (outcome === 'device_not_found') tally.failed(item.line, deviceId, notFound(type, deviceId))
        else if (typeof outcome === 'object') tally.failed(item.line, deviceId, outcome)
        else tally.done(item.line, deviceId, isNew ? 'created' : 'rotated')
      })
      announce(prepared.filter(({ isNew }, index) => isNew && isWritten(result[index])))
    }
    tally.progress()
    return ended
  }

  async function commit(prepared: readonly Prepared[]): Promise<Committed<Outcome[]>> {
    const result = await writeEach(prepared.map(({ write }) => write))
    const changeOf = ({ device: { deviceId, password } }: Prepared): SinkChange => ({
      kind: 'set',
      device: sinkDevice(hub, type, deviceId),
      password,
    })
    const changes = () => prepared.filter((_, index) => isWritten(result[index])).map(changeOf)
    return { result, changes }
  }

  /** In one transaction; when one of them is refused, in halves, so that it alone fails. */
  async function writeEach(writes: readonly CredentialWrite[]): Promise<Outcome[]> {
    try {
      return [...(await storage.credentials.write(writes))]
    } catch (error) {
      if (!isDeviceHubError(error, 'credential_taken') && !isDeviceHubError(error, 'storage_failed'))
        throw error
      if (writes.length === 1) return [error]
      const half = writes.length >> 1
      return [...(await writeEach(writes.slice(0, half))), ...(await writeEach(writes.slice(half)))]
    }
  }

  function announce(created: readonly Prepared[]): void {
    if (!signals.hasSubscribers('deviceProvisioned')) return
    const expiresAt = context.expiresAt === null ? null : new Date(context.expiresAt)
    for (const { item, device } of created) {
      const record = { ...item.record, mqttUsername: device.username }
      const { username, password, apiKey } = device
      const credentials = secretOf(
        Object.freeze({ username, password, apiKey, clientId: username, expiresAt }),
      )
      signals.emit('deviceProvisioned', { type, device: toDevice(type, record), credentials })
    }
  }
}

const isWritten = (outcome: Outcome | undefined): boolean => outcome === 'created' || outcome === 'updated'

const idOf = ({ item }: Prepared): string => item.record.deviceId

function prepare(
  item: ImportItem,
  before: DeviceRecord | undefined,
  { hub, type, expiresAt, overlap }: BatchContext,
): Prepared {
  const isNew = before === undefined
  const { deviceId, name } = before ?? item.record
  const now = hub.clock.now()
  const made = makeCredentials(hub, type, deviceId, { kinds: ALL_KINDS, expiresAt, now })
  const { username, password, apiKey, add } = made
  return {
    item,
    isNew,
    write: {
      type,
      deviceId,
      create: isNew ? item.record : null,
      onlyNew: isNew,
      retire: isNew ? null : { kinds: ALL_KINDS, at: now + overlap },
      add,
      username,
      now,
    },
    device: { type, deviceId, name, username, password: password as string, apiKey: apiKey as string },
  }
}
