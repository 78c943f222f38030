import type { MessageRef, Storage } from '@devicehub/core'
import type { CommitBatch } from '@devicehub/core/storage'
import { batch, change, entry, Meter, message, messagesOf, Sensor, sample, T0 } from '../fixtures.js'

/** A kind of batch that a storage writes in its own way. */
interface FencedBatch {
  readonly name: string
  /** Stores what the batch refers to, and returns the batch. */
  readonly prepare: (storage: Storage, deviceId: string) => Promise<CommitBatch>
}

const good = (deviceId: string, at = T0) => [
  entry(Sensor, deviceId, [
    sample(Sensor, deviceId, at, { temperature: 1 }, { sampleId: `s${at}`, contentHash: at }),
  ]),
  entry(null, deviceId),
  entry(Meter, deviceId, [sample(Meter, deviceId, at, { total: 1 }, { contentHash: 7 })]),
]
export const online = (deviceId: string) => change(Sensor, deviceId, T0, { status: { value: 'online' } })
/** The change by which a presence monitor sets a device offline. */
export const offlineAfterSilence = (deviceId: string) =>
  change(Sensor, deviceId, T0 + 50, {
    lastSeen: T0,
    status: { value: 'offline', from: ['online'] },
    ifSeenBefore: T0 + 50,
    audit: message({
      deviceId,
      direction: 'hub',
      channel: 'status',
      payloadJson: '{"status":"offline"}',
      receivedAt: T0 + 60,
    }),
  })
const touch = (deviceId: string) => ({ type: Sensor, deviceId, lastSeen: T0 + 5 })

export const FENCED_BATCHES: readonly FencedBatch[] = [
  { name: 'messages and samples', prepare: async (_, deviceId) => batch(good(deviceId)) },
  { name: 'one message', prepare: async (_, deviceId) => batch([entry(Sensor, deviceId)]) },
  {
    name: 'messages and touches',
    prepare: async (_, deviceId) => batch(good(deviceId), { touches: [touch(deviceId)] }),
  },
  { name: 'touches alone', prepare: async (_, deviceId) => batch([], { touches: [touch(deviceId)] }) },
  {
    name: 'messages and changes',
    prepare: async (_, deviceId) => batch(good(deviceId), { changes: [online(deviceId)] }),
  },
  { name: 'changes alone', prepare: async (_, deviceId) => batch([], { changes: [online(deviceId)] }) },
  {
    name: 'duplicates',
    async prepare(storage, deviceId) {
      await storage.commit(batch(good(deviceId)))
      return batch([...good(deviceId), ...good(deviceId, T0 + 1)], {
        touches: [touch(deviceId)],
        changes: [online(deviceId)],
      })
    },
  },
  {
    name: 'a replay',
    async prepare(storage, deviceId) {
      const ref = await rejected(storage, deviceId)
      const [first, ...rest] = good(deviceId)
      return batch([...(first ? [{ ...first, replayOf: ref }] : []), ...rest], { touches: [touch(deviceId)] })
    },
  },
]

async function rejected(storage: Storage, deviceId: string): Promise<MessageRef> {
  await storage.commit(batch([entry(Sensor, deviceId, [], { status: 'rejected' })]))
  const [found] = await messagesOf(storage, Sensor, deviceId)
  return { typeKey: Sensor.key, id: found?.id ?? '' }
}
