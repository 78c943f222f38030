import { expect, test } from 'vitest'
import { memoryStorage } from '../memory/memory-storage.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import type { NewCommand } from '../ports/commands.js'
import { newCommandRecord } from './command-order.js'
import { newDeviceRecord } from './device-row.js'

const Pump = defineDeviceType('pump', { readings: { flow: reading.float() } })
const NOW = Date.UTC(2026, 0)

test('the record of a new command is what the ledger gives of it', async () => {
  const storage = memoryStorage().open({ types: [Pump] })
  await storage.devices.create(Pump, newDeviceRecord(Pump, { deviceId: 'P-1' }, NOW))
  const command: NewCommand = {
    id: 'c-1',
    type: Pump,
    deviceId: 'P-1',
    command: 'stop',
    payload: '{"slowly":true}',
    timeout: 31_000,
    expiresIn: 3_600_000,
    retries: 3,
    onOffline: 'send',
    batch: 'b-1',
    createdAt: NOW,
  }
  await storage.commands.create([command], null)
  const [stored] = (await storage.commands.list({ deviceId: 'P-1' }, { limit: 5 })).items
  expect(stored).toMatchObject({ batch: 'b-1', retries: 3, timeout: 31_000, onOffline: 'send', attempts: 0 })
  // Time has passed since it was created.
  expect(newCommandRecord(command, stored?.expiresAt ?? 0)).toEqual({ ...stored, expiresIn: 3_600_000 })
  expect(newCommandRecord(command, 5).expiresAt).toBe(5)
})
