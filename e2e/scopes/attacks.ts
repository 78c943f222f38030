import type { HubApi } from '@devicehub/core'
import type { Target } from './world.js'

/** What somebody tries with something that may not be theirs. */
export type Attack = (hub: HubApi, target: Target) => unknown

export const TODAY = { from: new Date(Date.now() - 86_400_000), to: new Date(Date.now() + 86_400_000) }
const NOW = { timeout: '30ms' } as const

/** The cursors of rows are new with each. */
export async function rowsOf(rows: AsyncIterable<object>): Promise<object[]> {
  const found: object[] = []
  for await (const row of rows) found.push({ ...row, cursor: null })
  return found
}

/**
 * Each function of a scoped hub, with what names a device, a command or a message. What is tried with those of another
 * customer has to end as it does with what never was. A function that is not here fails the suite.
 */
export const ATTACKS: Readonly<Record<string, readonly Attack[]>> = {
  typeOptions: [(hub, { type }) => hub.typeOptions(type)],
  'devices.create': [
    (hub, { type, label, deviceId }) =>
      hub.devices.create(type, { deviceId: `${deviceId}-new`, labels: { customer: label } }),
  ],
  'devices.get': [(hub, { type, deviceId }) => hub.devices.get(type, deviceId)],
  'devices.list': [
    (hub, { type, deviceId }) => hub.devices.list(type, { deviceId }),
    (hub, { type, deviceId }) => hub.devices.list(type, { search: deviceId, sort: '-reading.level' }),
    (hub, { type, label, deviceId }) => hub.devices.list(type, { labels: { customer: label }, deviceId }),
    (hub, { type, label, deviceId }) =>
      hub.devices.list(type, { or: [{ state: { remark: label } }, { not: { deviceId: null } }], deviceId }),
    (hub, { type, label, deviceId }) => hub.devices.list(type, { readings: { note: label }, deviceId }),
  ],
  'devices.listAll': [
    (hub, { deviceId }) => hub.devices.listAll({ deviceId }),
    (hub, { deviceId }) => hub.devices.listAll({ or: [{ deviceId }, { name: deviceId }] }),
  ],
  'devices.count': [(hub, { type, deviceId }) => hub.devices.count(type, { deviceId })],
  'devices.countAll': [(hub, { deviceId }) => hub.devices.countAll({ deviceId })],
  'devices.overview': [
    (hub, { type, deviceId }) => hub.devices.overview(type, { deviceId, byLabels: ['customer'] }),
  ],
  'devices.update': [
    (hub, { type, deviceId }) => hub.devices.update(type, deviceId, { name: 'taken' }),
    (hub, { type, deviceId }) => hub.devices.update(type, deviceId, { labels: { site: 'taken' } }),
    (hub, { type, deviceId }) => hub.devices.update(type, deviceId, { status: 'online', isActive: false }),
  ],
  'devices.updateMany': [
    (hub, { type, deviceId }) => hub.devices.updateMany(type, { deviceIds: [deviceId] }, { name: 'taken' }),
    (hub, { type, deviceId }) => hub.devices.updateMany(type, { filter: { deviceId } }, { isActive: false }),
  ],
  'devices.activate': [(hub, { type, deviceId }) => hub.devices.activate(type, deviceId)],
  'devices.deactivate': [(hub, { type, deviceId }) => hub.devices.deactivate(type, deviceId)],
  'devices.delete': [(hub, { type, deviceId }) => hub.devices.delete(type, deviceId)],
  'readings.list': [
    (hub, { type, deviceId }) => hub.readings.list(type, { deviceId }),
    (hub, { type, deviceId }) => hub.readings.list(type, { deviceId, order: 'asc', from: new Date(0) }),
  ],
  'readings.latest': [(hub, { type, deviceId }) => hub.readings.latest(type, deviceId)],
  'readings.latestOf': [(hub, { type, deviceId }) => hub.readings.latestOf(type, [deviceId])],
  'readings.latestSample': [(hub, { type, deviceId }) => hub.readings.latestSample(type, deviceId)],
  'readings.latestSamplesOf': [(hub, { type, deviceId }) => hub.readings.latestSamplesOf(type, [deviceId])],
  'readings.get': [(hub, { type, sampleId }) => hub.readings.get(type, sampleId)],
  'readings.series': [
    (hub, { type, deviceId }) =>
      hub.readings.series(type, {
        ...TODAY,
        devices: [deviceId],
        fields: ['level'],
        interval: 'day',
        fn: ['max'],
      }),
    (hub, { type, deviceId }) =>
      hub.readings.series(type, {
        ...TODAY,
        devices: { or: [{ deviceId }, { name: deviceId }] },
        fields: ['level'],
        interval: 'day',
        fn: ['last', 'p50'],
      }),
    (hub, { type, deviceId }) =>
      hub.readings.series(type, {
        ...TODAY,
        devices: [deviceId],
        fields: ['level'],
        points: 10,
        fn: 'shape',
      }),
  ],
  'readings.aggregate': [
    (hub, { type, deviceId }) => hub.readings.aggregate(type, { deviceId, field: 'level', fn: 'max' }),
    (hub, { type, deviceId }) => hub.readings.aggregate(type, { deviceId, field: 'note', fn: 'last' }),
    (hub, { type, deviceId }) =>
      hub.readings.aggregate(type, { deviceId, field: 'level', fn: 'count', interval: 'day' }),
  ],
  'readings.export': [
    (hub, { type, deviceId }) => rowsOf(hub.readings.export(type, { devices: deviceId })),
    (hub, { type, deviceId }) =>
      rowsOf(hub.readings.export(type, { devices: { or: [{ deviceId }, { name: deviceId }] } })),
    (hub, { type, deviceId, sampleId }) =>
      rowsOf(
        hub.readings.export(type, { after: `readings:${type.key}:${deviceId}:0:${Number(sampleId) - 1}` }),
      ),
  ],
  'messages.export': [(hub, { type, deviceId }) => rowsOf(hub.messages.export(type, { deviceId }))],
  'messages.list': [
    (hub, { type, deviceId }) => hub.messages.list(type, { deviceId }),
    (hub, { type, deviceId }) => hub.messages.list(type, { deviceId, status: 'rejected' }),
  ],
  'messages.get': [(hub, { message }) => hub.messages.get(message)],
  'messages.replay': [(hub, { message }) => hub.messages.replay(message)],
  'commands.send': [
    (hub, { type, deviceId }) => hub.commands.send(type, deviceId, 'reboot'),
    (hub, { type, deviceId }) =>
      hub.commands.send(type, deviceId, 'reboot', undefined, { onOffline: 'fail' }),
  ],
  'commands.sendMany': [
    (hub, { type, deviceId }) => hub.commands.sendMany(type, { deviceIds: [deviceId] }, 'reboot'),
    (hub, { type, deviceId }) => hub.commands.sendMany(type, { filter: { deviceId } }, 'reboot'),
  ],
  'commands.get': [(hub, { commandId }) => hub.commands.get(commandId)],
  'commands.list': [
    (hub, { deviceId }) => hub.commands.list({ deviceId }),
    (hub, { type, deviceId }) => hub.commands.list({ type, deviceId }),
    (hub, { batch }) => hub.commands.list({ batch }),
  ],
  'commands.wait': [(hub, { commandId }) => hub.commands.wait(commandId, NOW)],
  'commands.cancel': [(hub, { commandId }) => hub.commands.cancel(commandId)],
  'twin.get': [(hub, { type, deviceId }) => hub.twin(type).get(deviceId)],
  'twin.setDesired': [
    (hub, { type, deviceId }) => hub.twin(type).setDesired(deviceId, { remark: 'taken' }),
    (hub, { type, deviceId }) => hub.twin(type).setDesired(deviceId, { remark: 'taken' }, { ifVersion: 77 }),
  ],
  'twin.setDesiredMany': [
    (hub, { type, deviceId }) =>
      hub.twin(type).setDesiredMany({ deviceIds: [deviceId] }, { remark: 'taken' }),
    (hub, { type, deviceId }) => hub.twin(type).setDesiredMany({ filter: { deviceId } }, { remark: 'taken' }),
  ],
  scoped: [
    (hub, { deviceId }) => hub.scoped({ deviceId }).devices.countAll(),
    (hub, { deviceId, type }) => hub.scoped({ deviceId }).readings.list(type),
    (hub, { deviceId }) =>
      hub.scoped({ or: [{ deviceId }, { not: { labels: { x: 'y' } } }] }).commands.list({ deviceId }),
  ],
}
