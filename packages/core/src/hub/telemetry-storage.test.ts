import { expect, test, vi } from 'vitest'
import { memoryStorage } from '../memory/memory-storage.js'
import { command } from '../model/device-type/command.js'
import { defineDeviceType } from '../model/device-type/define-device-type.js'
import { reading } from '../model/device-type/reading.js'
import { state } from '../model/device-type/state.js'
import type { Storage, TelemetryStorage } from '../ports/storage.js'
import { createPresenceMonitor } from '../presence/create-presence-monitor.js'
import { defineStorage } from '../rules/define-storage.js'
import { createDeviceHub } from './create-device-hub.js'

const Station = defineDeviceType('station', {
  readings: { temperature: reading.float() },
  commands: { reboot: command() },
  state: { mode: state.string() },
  unknownDevice: 'register',
})

const telemetryOf = (storage: Storage): TelemetryStorage => {
  const { devices, readings, messages, log, plan, migrate, commit, applyRetention, close } = storage
  return { devices, readings, messages, log, plan, migrate, commit, applyRetention, close }
}

/** The reference, without its control group. */
const telemetryOnly = () =>
  defineStorage('telemetry', (context) => telemetryOf(memoryStorage().open(context)))

const errors = { debug() {}, info() {}, warn: vi.fn(), error: vi.fn() }

const openHub = () =>
  createDeviceHub({
    types: [Station],
    storage: telemetryOnly(),
    credentials: { secret: 'A'.repeat(44) },
    commands: { lookEvery: 0.01 },
    logger: errors,
  })

const send = (channel: string, payload: object) => ({
  topic: `things/station/S-1/${channel}`,
  payload: Buffer.from(JSON.stringify(payload)),
  source: 'test',
})

test('a hub on a storage without the control group ingests, lists and queries', async () => {
  await using hub = openHub()
  expect(hub.storage.capabilities).toEqual({ control: false, preferredBatch: 500 })
  hub.attach({ name: 'default', async start() {}, async stop() {}, async publish() {} })
  await hub.ingest([
    send('data', { temperature: 20, id: 'a' }),
    send('data', { temperature: 20, id: 'a' }),
    send('status', { status: 'online' }),
  ])
  expect(await hub.devices.get(Station, 'S-1')).toMatchObject({ status: 'online' })
  await hub.devices.update(Station, 'S-1', { status: 'offline' })
  await hub.devices.update(Station, 'S-1', { status: 'online' })
  expect((await hub.readings.list(Station)).items).toHaveLength(1)
  expect((await hub.readings.aggregate(Station, { field: 'temperature', fn: 'max' }))[0]?.result).toBe(20)
  expect((await hub.messages.list(Station)).items.map(({ status }) => status).sort()).toEqual([
    'duplicate',
    'processed',
    'processed',
  ])
  expect(await hub.devices.delete(Station, 'S-1')).toBe(true)
  // Nobody looks for commands that cannot be there.
  await new Promise((resolve) => setTimeout(resolve, 50))
  expect(errors.warn.mock.calls.map(([, text]) => text)).not.toContainEqual(
    expect.stringContaining('what is due'),
  )
  expect(errors.error).not.toHaveBeenCalled()
})

test('replies and reported state are rejected, to be replayed into a storage that has a place for them', async () => {
  await using hub = openHub()
  await hub.devices.create(Station, { deviceId: 'S-1' })
  const outcomes = await hub.ingest([
    send('state', { reported: { mode: 'burst' } }),
    send('response', { id: 'a', command: 'reboot', status: 'succeeded' }),
    send('data', { temperature: 1 }),
  ])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected', 'stored'])
  const { items } = await hub.messages.list(Station)
  expect(items.map(({ channel, status, code }) => [channel, status, code])).toEqual([
    ['data', 'processed', null],
    ['response', 'rejected', 'not_supported'],
    ['state', 'rejected', 'not_supported'],
  ])
})

test('what needs the control group is refused with what is missing and what to do', async () => {
  await using hub = openHub()
  await hub.devices.create(Station, { deviceId: 'S-1' })
  const refused = expect.objectContaining({
    code: 'not_supported',
    message: expect.stringMatching(/control group .* "telemetry" .* kyselyStorage/),
  })
  const calls = [
    () => hub.commands.send(Station, 'S-1', 'reboot'),
    () => hub.commands.sendMany(Station, { deviceIds: ['S-1'] }, 'reboot'),
    () => hub.commands.list(),
    () => hub.commands.wait('a'),
    () => hub.twin(Station).get('S-1'),
    () => hub.twin(Station).setDesired('S-1', { mode: 'burst' }),
    () => hub.credentials.verify({ username: 'a', password: 'b' }),
    () => hub.consumers.list(),
    async () => hub.consume('billing', {}, async () => {}),
    async () => createPresenceMonitor(hub),
    () => hub.storage.leases.find(['a']),
    () => hub.storage.claims.findKey('a'),
    () => hub.storage.commit({ entries: [], touches: [], changes: [], fences: [{ name: 'a', epoch: 1 }] }),
  ]
  for (const call of calls) await expect(call(), String(call)).rejects.toEqual(refused)
})

test('a storage says all of a group or nothing of it, and is made by defineStorage', () => {
  const whole = memoryStorage().open({ types: [Station] })
  const open = (storage: object) =>
    defineStorage('own', () => storage as TelemetryStorage).open({ types: [Station] })
  const part = { ...telemetryOf(whole), commands: whole.commands }
  const refused = expect.objectContaining({ code: 'invalid_options' })
  expect(() => open(part)).toThrow(refused)
  expect(() => open({ ...telemetryOf(whole), log: {} })).toThrow(refused)
  expect(() => open({ ...telemetryOf(whole), capabilities: { preferredBatches: 5 } })).toThrow(refused)
  expect(open({ ...telemetryOf(whole), capabilities: { preferredBatch: 5 } }).capabilities).toEqual({
    control: false,
    preferredBatch: 5,
  })
  const storage = { name: 'own', open: () => telemetryOf(whole) as Storage }
  expect(() => createDeviceHub({ types: [Station], storage })).toThrow(refused)
})
