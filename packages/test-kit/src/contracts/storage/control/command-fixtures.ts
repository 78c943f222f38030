import type { CommandState, Storage } from '@devicehub/core'
import type { CommandChange, CommandRecord, NewCommand } from '@devicehub/core/storage'
import { batch, change, entry, newId, Sensor, T0 } from '../fixtures.js'

/** So long that nothing becomes due while a slow machine runs a test. */
export const LONG = 600_000
export const UNFINISHED: readonly CommandState[] = ['queued', 'sent', 'accepted']

export const command = (deviceId: string, more: Partial<NewCommand> = {}): NewCommand => ({
  id: newId('command'),
  type: Sensor,
  deviceId,
  command: 'reboot',
  payload: null,
  timeout: 30_000,
  expiresIn: LONG,
  retries: 0,
  onOffline: 'queue',
  batch: null,
  createdAt: T0,
  ...more,
})

export const claimOf = (claim: string, ttl = LONG, types: readonly string[] = [Sensor.key]) => ({
  claim,
  ttl,
  types,
})

export const step = (
  id: string,
  to: CommandChange['to'],
  more: Partial<CommandChange> = {},
): CommandChange => ({
  id,
  to,
  from: to === 'sent' ? ['queued', 'sent'] : UNFINISHED,
  at: T0 + 1000,
  reply: to !== 'sent',
  ...(to === 'sent' && { dueIn: LONG }),
  ...more,
})

export const one = async (storage: Storage, id: string): Promise<CommandRecord> => {
  const [record] = await storage.commands.find([id])
  if (!record) throw new Error(`${id} is not there`)
  return record
}
export const commit = (storage: Storage, deviceId: string, ...steps: readonly CommandChange[]) =>
  storage.commit(
    batch(
      steps.map((made) => ({
        ...entry(Sensor, deviceId, [], {
          channel: made.reply ? 'response' : 'cmd',
          payloadJson: made.id,
        }),
        command: made,
      })),
    ),
  )
export const due = async (storage: Storage, claim: string, ids: readonly string[], ttl = LONG) => {
  const given = await storage.commands.claimDue({ ...claimOf(claim, ttl), limit: 1000 })
  return given.filter(({ id }) => ids.includes(id)).map(({ id }) => id)
}
export const online = (storage: Storage, deviceId: string) =>
  storage.commit(batch([], { changes: [change(Sensor, deviceId, T0 + 1, { status: { value: 'online' } })] }))
