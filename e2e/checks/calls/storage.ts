import { conditionOf, newDeviceRecord } from '@devicehub/core/storage'
import { type Coverage, call, without } from '../sample-call.js'
import { Station, type World } from './world.js'

const NOW = 1_767_225_600_000
const page = () => ({ limit: 5, cursor: undefined })
const condition = () => conditionOf(Station, { status: 'online', isActive: true, search: 'a' })
const range = () => ({ deviceId: 'S-1', from: NOW, to: NOW + 1 })
const device = (deviceId: string) => ({ ...newDeviceRecord(Station, { deviceId }, NOW) })
const failure = (ref: object) => ({ ref, deviceId: 'S-1', error: 'an error', attempts: 1, failedAt: NOW })
const write = () => ({
  type: Station,
  deviceId: 'S-1',
  create: device('S-1'),
  onlyNew: false,
  onlyWithout: ['password'],
  retire: { kinds: ['password'], at: NOW },
  add: [{ id: 'c-1', kind: 'password', lookup: 'user', hash: 'hash', createdAt: NOW, expiresAt: null }],
  username: 'user',
  now: NOW,
})

/** `hub.storage`, which surfaces and adapters call. */
export const storageCalls = ({ ref, commandId }: World): Coverage => ({
  ...without(
    'is the hub\u2019s: each message passes it, and its rows are made from what was checked',
    'commit',
  ),
  plan: call(),
  migrate: call(() => [{ allowDestructive: false }]),
  applyRetention: call(() => [NOW]),
  close: call(),
  'devices.create': call(() => [Station, device('S-8')]),
  'devices.ensure': call(() => [Station, [device('S-8')]]),
  'devices.find': call(() => [Station, ['S-1']]),
  'devices.list': call(() => [
    Station,
    condition(),
    {
      limit: 5,
      maxBytes: 1_000,
      sort: { by: { of: 'device', name: 'name' }, descending: false },
      after: { value: 'a', deviceId: 'S-1' },
      inclusive: true,
    },
  ]),
  'devices.overview': call(() => [
    Station,
    condition(),
    { labels: ['site'], seenBefore: NOW, batteryBelow: 20, maxValues: 5 },
  ]),
  'devices.updateMany': call(() => [
    Station,
    ['S-1'],
    { name: 'a', isActive: true, firmwareVersion: '1', metadata: '{}', labels: { site: 'north', old: null } },
    NOW,
  ]),
  'devices.count': call(() => [Station, condition(), 10]),
  'devices.setBack': call(() => [Station, { after: NOW + 5_000, now: NOW }]),
  'devices.overdue': call(() => [Station, { ...page(), before: NOW, statuses: ['online'] }]),
  'devices.update': call(() => [
    Station,
    'S-1',
    {
      name: 'a',
      status: 'online',
      statusAt: NOW,
      statusClaimedAt: NOW,
      batteryLevel: 5,
      lastSeen: NOW,
      firmwareVersion: '1',
      isActive: true,
      sessionAt: NOW,
      mqttUsername: null,
      metadata: '{}',
      labels: {},
      state: { mode: 'burst' },
    },
    NOW,
  ]),
  'devices.delete': call(() => [Station, 'S-3', NOW]),
  'readings.list': call(() => [Station, { ...range(), order: 'asc' }, page()]),
  'readings.latest': call(() => [Station, ['S-1']]),
  'readings.latestSamples': call(() => [Station, ['S-1']]),
  'readings.aggregate': call(() => [
    Station,
    { ...range(), field: 'temperature', fn: 'avg', interval: 'hour' },
  ]),
  'messages.list': call(() => [Station, { ...range(), status: 'rejected', channel: 'data' }, page()]),
  'messages.get': call(() => [ref]),
  'log.read': call(() => [[Station, null], null, 5]),
  'log.end': call(() => [[Station, null]]),
  'log.seek': call(() => [[Station, null], NOW]),
  'log.count': call(() => [[Station, null], null, 5]),
  'leases.find': call(() => [['check']]),
  'leases.acquire': call(() => ['check', 'holder', 5_000]),
  'leases.renew': call(() => [{ name: 'check', epoch: 1, holder: 'holder' }, 5_000, 'a note']),
  'leases.release': call(() => [{ name: 'check', epoch: 1, holder: 'holder' }]),
  'consumers.list': call(),
  'consumers.get': call(() => ['other']),
  'consumers.open': call(() => [
    { name: 'other', epoch: 1, typeKeys: [Station.key, null], cursor: null, now: NOW },
  ]),
  'consumers.advance': call(() => [
    { name: 'other', epoch: 1, from: null, to: 'x', passed: 5, setAside: [failure(ref)], now: NOW },
  ]),
  'consumers.seek': call(() => ['other', null, NOW]),
  'consumers.delete': call(() => ['another']),
  'consumers.failures': call(() => ['other', page()]),
  'consumers.requestRetry': call(() => ['other', ref]),
  'consumers.dueRetries': call(() => ['other', 5]),
  'consumers.settleRetry': call(() => [{ name: 'other', epoch: 1 }, ref, failure(ref)]),
  'consumers.skip': call(() => ['other', ref]),
  'commands.create': call(() => [
    [
      {
        id: 'new-1',
        type: Station,
        deviceId: 'S-1',
        command: 'reboot',
        payload: null,
        timeout: 5_000,
        expiresIn: 5_000,
        retries: 1,
        onOffline: 'queue',
        batch: 'b',
        createdAt: NOW,
      },
    ],
    { claim: 'a', ttl: 5_000, types: [Station.key] },
  ]),
  'commands.find': call(() => [[commandId]]),
  'commands.list': call(() => [
    { typeKey: Station.key, deviceId: 'S-1', states: ['queued'], command: 'reboot', batch: 'b' },
    page(),
  ]),
  'commands.claimDue': call(() => [{ claim: 'a', ttl: 5_000, types: [Station.key], limit: 5 }]),
  'commands.release': call(() => ['a', [commandId], 5]),
  'commands.wake': call(() => [Station, ['S-1']]),
  'twins.get': call(() => [Station, 'S-1']),
  'twins.setDesired': call(() => [
    { type: Station, deviceId: 'S-1', patch: { mode: 'burst' }, ifVersion: 0, at: NOW },
  ]),
  'twins.claimDue': call(() => [{ claim: 'a', ttl: 5_000, types: [Station.key], limit: 5 }]),
  'twins.release': call(() => ['a', [{ typeKey: Station.key, deviceId: 'S-1' }], 5]),
  'credentials.find': call(() => ['password', ['user']]),
  'credentials.ofDevices': call(() => [Station, ['S-1']]),
  'credentials.write': call(() => [[write()]]),
  'credentials.changes': call(() => [0, 5]),
  'claims.createKey': call(() => [
    {
      id: 'key',
      lookup: 'lookup',
      typeKey: Station.key,
      name: 'a',
      createsDevices: true,
      idPrefix: '',
      maxUses: 5,
      uses: 0,
      createdAt: NOW,
      expiresAt: NOW + 5,
      revokedAt: null,
    },
  ]),
  'claims.findKey': call(() => ['lookup']),
  'claims.listKeys': call(() => [page()]),
  'claims.revokeKey': call(() => ['key', NOW]),
  'claims.claim': call(() => [{ keyId: 'key', proof: 'proof', write: write(), now: NOW }]),
})
