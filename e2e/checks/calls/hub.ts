import { newDeviceRecord } from '@devicehub/core/storage'
import { type Coverage, call } from '../sample-call.js'
import { message, Station, type World } from './world.js'

const NOW = 1_767_225_600_000
const page = () => ({ limit: 5, cursor: undefined })
const range = () => ({ deviceId: 'S-1', from: new Date(NOW), to: new Date(NOW + 1) })
const inbound = () => ({
  ...message('data', { temperature: 5 }),
  receivedAt: new Date(NOW),
  qos: 1,
  redelivered: false,
  retained: false,
  contentType: 'application/json',
  correlationId: 'a',
  userProperties: { a: 'b' },
})

/** Groups of a hub that are covered by themselves, or are not its own. */
export const ELSEWHERE = ['registry', 'storage', 'signals', 'logger', 'metrics', 'clock', 'types']

/** A scoped hub has the same functions, without those of the whole hub alone. */
const IN_SCOPES = /^(typeOptions|devices|readings|messages|commands|twin|scoped)\b/

export const scopedCalls = (world: World): Coverage =>
  Object.fromEntries(
    Object.entries(hubCalls(world)).filter(
      ([name]) => IN_SCOPES.test(name) && !/mark(Online|Offline)/.test(name),
    ),
  )

export const hubCalls = ({ ref, commandId }: World): Coverage => ({
  scoped: call(() => [
    {
      type: 'station',
      labels: { site: ['north', 'south'] },
      not: { deviceId: 'S-9' },
      lastSeen: { gte: 'now-1d' },
      actor: 'kim',
    },
  ]),
  typeOptions: call(() => [Station]),
  topic: call(() => [Station, 'S-1', 'cmd']),
  'ingest.push': call(() => [inbound(), () => {}]),
  'ingest.drained': call(),
  ingest: call(() => [[inbound()]]),
  'devices.create': call(() => [
    Station,
    {
      deviceId: 'S-9',
      name: 'a',
      status: 'online',
      isActive: true,
      firmwareVersion: '1',
      metadata: { a: 1 },
      state: { mode: 'burst' },
    },
  ]),
  'devices.get': call(() => [Station, 'S-1']),
  'devices.list': call(() => [Station, { status: 'online', isActive: true, search: 'a', ...page() }]),
  'devices.count': call(() => [Station, { status: 'online', labels: { site: 'north' }, max: 10 }]),
  'devices.listAll': call(() => [
    { type: 'station', labels: { site: 'north' }, sort: '-label.site', ...page() },
  ]),
  'devices.countAll': call(() => [{ status: 'online', max: 10 }]),
  'devices.overview': call(() => [
    Station,
    { status: 'online', byLabels: ['site'], batteryBelow: 20, silentAfter: '1h' },
  ]),
  'devices.updateMany': call(() => [
    Station,
    { filter: { labels: { site: 'north' } } },
    {
      name: 'a',
      isActive: true,
      firmwareVersion: '1',
      metadata: { a: 1 },
      labels: { site: 'south', old: null },
    },
  ]),
  'devices.update': call(() => [
    Station,
    'S-1',
    {
      name: 'a',
      status: 'online',
      isActive: true,
      firmwareVersion: '1',
      metadata: { a: 1 },
      state: { mode: 'burst', level: 5 },
    },
  ]),
  'devices.deactivate': call(() => [Station, 'S-2']),
  'devices.activate': call(() => [Station, 'S-2']),
  'devices.markOnline': call(() => [Station, 'S-2', { reason: 'a reason' }]),
  'devices.markOffline': call(() => [Station, 'S-2', { reason: 'a reason' }]),
  'devices.delete': call(() => [Station, 'S-3']),
  'readings.list': call(() => [Station, { ...range(), ...page(), order: 'asc', fields: ['temperature'] }]),
  'readings.get': call(() => [Station, '1']),
  'readings.export': call(
    () => [Station, { devices: ['S-1'], fields: ['temperature'], from: new Date(0), to: new Date() }],
    { returns: 'hub.readings.export()' },
  ),
  'readings.series': call(() => [
    Station,
    {
      devices: ['S-1'],
      groupBy: { label: 'site' },
      fields: ['temperature'],
      fn: ['avg', 'timeAvg'],
      from: new Date(NOW),
      to: new Date(NOW + 3_600_000),
      interval: '15m',
      timeZone: 'Europe/Berlin',
      fill: 'null',
    },
  ]),
  'readings.latest': call(() => [Station, 'S-1']),
  'readings.latestOf': call(() => [Station, ['S-1', 'S-2']]),
  'readings.latestSample': call(() => [Station, 'S-1']),
  'readings.latestSamplesOf': call(() => [Station, ['S-1', 'S-2']]),
  'readings.aggregate': call(() => [
    Station,
    { ...range(), field: 'temperature', fn: 'avg', interval: 'hour' },
  ]),
  'messages.export': call(() => [Station, { ...range(), status: 'rejected', channel: 'data' }], {
    returns: 'hub.readings.export()',
  }),
  'messages.list': call(() => [Station, { ...range(), ...page(), status: 'rejected', channel: 'data' }]),
  'messages.get': call(() => [ref]),
  'messages.replay': call(() => [ref]),
  'commands.send': call(
    () => [
      Station,
      'S-1',
      'set_interval',
      { interval: 5 },
      { timeout: 5, expiresIn: 5, retries: 1, onOffline: 'queue' },
    ],
    { returns: 'hub.commands.send()' },
  ),
  'commands.sendMany': call(
    () => [
      Station,
      { deviceIds: ['S-1', 'S-2'] },
      'set_interval',
      { interval: 5 },
      {
        timeout: 0.05,
        expiresIn: 5,
        retries: 1,
        onOffline: 'queue',
        concurrency: 5,
        onProgress() {},
        onResult() {},
      },
    ],
    { waits: 'the ends of commands' },
  ),
  'commands.get': call(() => [commandId]),
  'commands.list': call(() => [
    { type: Station, deviceId: 'S-1', state: ['queued', 'sent'], command: 'reboot', batch: 'a', ...page() },
  ]),
  'commands.wait': call(() => [commandId, { timeout: 0.01 }], { waits: 'the end of a command' }),
  'commands.cancel': call(() => [commandId, 'a reason']),
  twin: call(() => [Station], { returns: 'hub.twin()' }),
  'credentials.verify': call(() => [{ username: 'a', password: 'b' }]),
  'credentials.verifyApiKey': call(() => ['key']),
  'credentials.find': call(() => ['a']),
  'credentials.hashes.keyed': call(() => ['lookup', 'secret']),
  'credentials.hashes.slow': call(() => ['a password of a person'], { runs: 8 }),
  'credentials.hashes.lookups': call(() => ['api_key', 'secret']),
  'credentials.stats': call(),
  'sessions.report': call(() => [
    {
      type: Station,
      deviceId: 'S-1',
      event: 'disconnected',
      at: NOW,
      connectedAt: NOW - 5,
      source: 'broker:checks',
      reason: 'a reason',
    },
  ]),
  'consumers.list': call(),
  'consumers.get': call(() => ['checks']),
  'consumers.seek': call(() => ['checks', new Date(NOW)]),
  'consumers.failures': call(() => ['checks', page()]),
  'consumers.retry': call(() => ['checks', ref]),
  'consumers.skip': call(() => ['checks', ref]),
  'consumers.delete': call(() => ['another']),
  consume: call(
    () => [
      'spoiled',
      {
        types: [Station],
        unrouted: true,
        channels: ['data'],
        statuses: ['processed'],
        from: 'now',
        maxBatch: 5,
        retry: { tries: 1, min: '5ms', max: '10ms', isTransient: () => false },
        timeout: 5,
        lease: 5,
        pollInterval: '100ms',
        onGap() {},
      },
      () => {},
    ],
    { returns: 'hub.consume()' },
  ),
  quarantine: call(() => [inbound(), { code: 'handler_failed', reason: 'a reason' }, 'handler']),
  onClose: call(() => [() => {}]),
  attachHandler: call(() => [
    { source: 'mqtt:default', name: 'handler', filter: 'a/b', run: async () => ({ status: 'duplicate' }) },
  ]),
  'sharedGroups.forbid': call(() => [
    { broker: 'elsewhere', because: 'a check forbids it', remedy: 'Leave it.' },
  ]),
  'sharedGroups.assertAllowed': call(() => ['default', 'group']),
  'sharedGroups.join': call(() => ['default', 'group']),
  announce: call(() => [
    {
      type: Station,
      deviceId: 'S-1',
      from: 'online',
      to: 'offline',
      at: NOW,
    },
    newDeviceRecord(Station, { deviceId: 'S-1' }, NOW),
    'a reason',
  ]),
  attach: call(() => [
    { name: 'checks', start: async () => {}, stop: async () => {}, publish: async () => {} },
  ]),
  isServed: call(() => ['default']),
  publish: call(() => [
    {
      topic: 'a/b',
      payload: 'a',
      qos: 1,
      retain: false,
      contentType: 'a',
      correlationId: 'a',
      responseTopic: 'a',
      userProperties: { a: 'b' },
      expiresIn: 5,
    },
    'default',
  ]),
  stats: call(),
  close: call(() => [{ timeout: '50ms' }]),
  '[Symbol.asyncDispose]': call(),
})
