import { createRegistry, memoryStorage, silentLogger } from '@devicehub/core'
import { conditionOf, NEWEST_FIRST, newDeviceRecord, sortDevices } from '@devicehub/core/storage'
import { systemClock } from '@devicehub/core/transport'
import { type Coverage, call } from '../sample-call.js'
import { SECRET, Station, type World } from './world.js'

const NOW = 1_767_225_600_000
const record = () => newDeviceRecord(Station, { deviceId: 'S-9' }, NOW)
const judged = () => ({ record: record(), lastValues: () => [], isInSync: () => true })
const twin = () => ({
  desired: {},
  desiredAt: {},
  version: 1,
  reportedAt: {},
  reportedVersion: null,
  publishedVersion: 0,
  state: ['continuous', null],
})
const sample = () => ({
  deviceId: 'S-1',
  timestamp: NOW,
  receivedAt: new Date(NOW),
  orderAt: NOW,
  sampleId: null,
  contentHash: 5,
  flags: null,
  values: [1, null, null, null, null, null, null, null],
})

const latestRow = () => ({
  deviceId: 'S-1',
  orderAt: NOW,
  timestamp: NOW,
  values: sample().values,
  times: null,
})
const progress = () => ({
  state: 'queued',
  attempts: 0,
  sentAt: null,
  acceptedAt: null,
  finishedAt: null,
  result: null,
  reason: null,
})
const newCommand = () => ({
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
})
const claimKey = () => ({
  id: 'key',
  lookup: 'lookup',
  typeKey: Station.key,
  name: 'a',
  createsDevices: false,
  idPrefix: '',
  labels: {},
  maxUses: 5,
  uses: 0,
  createdAt: NOW,
  expiresAt: NOW + 5,
  revokedAt: null,
})

/** The rest of `@devicehub/core`. */
export const coreCalls = ({ hub }: World): Coverage => ({
  isStorableText: call(() => ['a']),
  newDeviceRecord: call(() => [
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
    NOW,
  ]),
  toDevice: call(() => [Station, record()]),
  holdLease: call(
    () => [{ leases: hub.storage.leases, name: 'check', holder: 'check', ttl: '5s', logger: silentLogger }],
    { returns: 'holdLease()' },
  ),
  nextLook: call(() => [[{ name: 'a', epoch: 1, holder: null, expiresIn: 0, note: null }], 5_000]),
  asyncApi: call(() => [
    [Station],
    {
      title: 'a',
      version: '1',
      description: 'a',
      prefix: 'things',
      servers: { default: { host: 'a', protocol: 'mqtt', protocolVersion: '5', description: 'a' } },
    },
  ]),
  parseSelector: call(() => ['site:north battery<20', [Station]]),
  formatSelector: call(() => [{ labels: { site: 'north' } }, [Station]]),
  jsonSchema: call(() => [Station, { target: 'draft-7' }]),
  addToLatest: call(() => [latestRow(), sample()]),
  aggregateField: call(() => [Station, { field: 'temperature', fn: 'avg', interval: 'day' }]),
  aggregateSamples: call(() => [
    { fn: 'avg', interval: 'day' },
    [{ timestamp: NOW, orderAt: NOW, id: 1, value: 5 }],
  ]),
  averageOfParts: call(() => [{ count: 2, ordinary: 3, large: 0 }]),
  sumOfParts: call(() => [{ count: 2, ordinary: 3, large: 0 }]),
  bytesOf: call(() => ['a', null]),
  checkValues: call(() => ['a sample', Station.readings, ['temperature'], [1]]),
  isStorable: call(() => ['float', 1]),
  createSampleIndex: call(() => [], { returns: 'createSampleIndex()' }),
  liveStateOf: call(() => [record()]),
  positionOf: call(() => [Station, NEWEST_FIRST, judged()]),
  comparePositions: call(() => [NEWEST_FIRST, { value: 1, deviceId: 'a' }, { value: 2, deviceId: 'b' }]),
  sortDevices: call(() => [Station, NEWEST_FIRST, [judged()]]),
  pageOfDevices: call(() => [sortDevices(Station, NEWEST_FIRST, [judged()]), { limit: 5 }]),
  overviewOf: call(() => [[record()], { labels: ['site'], seenBefore: NOW, batteryBelow: 20, maxValues: 5 }]),
  judgeDevice: call(() => [Station, conditionOf(Station, { status: 'online' }), judged()]),
  changeLabels: call(() => ['S-1', { site: 'north' }, { site: null }]),
  isInSync: call(() => [Station, { desired: {}, state: [] }]),
  conditionOf: call(() => [Station, { status: 'online' }, NOW]),
  eachDevice: call(() => [hub.storage, Station, conditionOf(Station, {})]),
  isBlocked: call(() => ['queue', { any: true, send: false }]),
  judgeNewCommands: call(() => [
    [],
    { device: () => null, ahead: () => ({ any: false, send: false }) },
    null,
  ]),
  newCommandRecord: call(() => [newCommand(), NOW]),
  asciiLower: call(() => ['ABC']),
  foldChanges: call(() => [{ touches: [], changes: [] }, () => null]),
  judgeSample: call(() => [sample(), { content: false, id: undefined }]),
  pageOf: call(() => [[1], { limit: 5 }, { toItem: (row: number) => row, cursorOf: String }]),
  planCommit: call(() => [
    { entries: [], touches: [], changes: [] },
    { device: () => null, message: () => null, identity: () => ({ content: false, id: undefined }) },
  ]),
  sampleContentKey: call(() => [sample()]),
  sampleIdKey: call(() => [sample()]),
  applyCommandChange: call(() => [
    progress(),
    { id: 'a', to: 'sent', from: ['queued'], at: NOW, reply: false },
  ]),
  applyDesired: call(() => [twin(), { mode: 'burst' }, NOW, 0]),
  applyDeviceChange: call(() => [
    record(),
    {
      type: Station,
      deviceId: 'S-9',
      lastSeen: NOW,
      at: NOW,
      status: { value: 'online', from: ['offline'] },
    },
  ]),
  applyReport: call(() => [twin(), { values: { mode: 'burst' }, version: 1, at: NOW }]),
  defineStorage: call(() => ['a', () => memoryStorage().open({ types: [Station] })], {
    returns: 'memoryStorage()',
  }),
  writeCursor: call(() => ['devices', NOW, 'S-1']),
  readCursor: call(() => ['devices', `devices.${NOW}.S-1`]),
  readNumericCursor: call(() => ['readings', `readings.${NOW}.5`]),
  badCursor: call(() => ['devices', 'a']),
  typeNotOpened: call(() => [Station]),
  storageClosed: call(() => []),
  deviceExists: call(() => [Station, 'S-1']),
  usernameTaken: call(() => [Station, ['S-1']]),
  unknownStateField: call(() => [Station, 'a']),
  notReplayable: call(() => [{ typeKey: Station.key, id: '1' }]),
  fenced: call(() => [{ name: 'a', epoch: 1 }]),
  controlMissing: call(() => ['a', 'commands']),
  commandExists: call(() => []),
  isClaimKeyGood: call(() => [claimKey(), NOW]),
  judgeClaim: call(() => [
    { keyId: 'key', proof: 'proof', write: { create: null }, now: NOW },
    { key: claimKey(), device: { isActive: true, username: null }, proof: null, credentials: [null] },
  ]),
  createPageBudget: call(() => [5_000], { returns: 'createPageBudget()' }),
  createBucketBudget: call(() => ['day'], { returns: 'createBucketBudget()' }),
  createLatestBudget: call(() => ['the values', 5], { returns: 'createLatestBudget()' }),
  createLimitedLines: call(() => [{ clock: systemClock, onOverflow() {} }], {
    returns: 'createLimitedLines()',
  }),
  createFaultLog: call(() => [], { returns: 'createFaultLog()' }),
  latestRowOf: call(() => [sample()]),
  latestTime: call(() => [latestRow(), 0]),
  memoryStorage: call(() => [{ maxMessages: 5, maxMessageBytes: 5_000, maxReadings: 5, maxCommands: 5 }], {
    returns: 'memoryStorage()',
  }),
  planCredentialWrites: call(() => [
    [
      {
        type: Station,
        deviceId: 'S-1',
        create: record(),
        onlyNew: false,
        onlyWithout: ['password'],
        retire: { kinds: ['password'], at: NOW },
        add: [{ id: 'b', kind: 'password', lookup: 'user', hash: 'hash', createdAt: NOW, expiresAt: null }],
        username: 'user',
        now: NOW,
      },
    ],
    { devices: [{ typeKey: Station.key, deviceId: 'S-1', username: null }], credentials: [] },
  ]),
  withCommandOutcome: call(() => [
    { flags: null, status: 'processed' },
    { id: 'a', to: 'sent', from: ['queued'], at: NOW, reply: true },
    { applied: true, record: null, flag: 'late_reply' },
  ]),
  withFlag: call(() => [null, 'a']),
  withSampleOutcomes: call(() => [
    { flags: null, status: 'processed', reason: null },
    [sample()],
    { duplicates: [0], reused: undefined },
  ]),
  withReportOutcome: call(() => [{ flags: null }, ['mode'], { applied: [], record: twin() }]),
  createDeviceHub: call(
    () => [
      {
        types: createRegistry([Station]),
        storage: memoryStorage(),
        topicPrefix: 'things',
        deviceIdMaxLength: 64,
        maxPayload: 1_000,
        maxSamples: 5,
        ingest: { maxBatch: 5, maxBatchBytes: 5_000, maxQueued: 5, maxQueuedBytes: 5_000 },
        deviceCache: { maxEntries: 5, refreshAfter: 5, unknownFor: 1, lastSeenEvery: 1 },
        commands: { lookEvery: 1, concurrency: 5, maxPayload: 500, maxResult: 500 },
        credentials: {
          secret: SECRET,
          maxCacheEntries: 5,
          cacheFor: 5,
          maxQueued: 5,
          hashConcurrency: 1,
          maxQueuedHashes: 5,
        },
        logger: silentLogger,
        unknownDevice: 'register',
        unknownField: 'flag',
        outOfRange: 'flag',
        badReading: 'flag',
        clockSkew: { past: 5, future: 5 },
        earliestTime: new Date(0),
        impossibleTime: 'flag',
        timeZone: 'UTC',
      },
    ],
    { returns: 'hub' },
  ),
  createHandlerRunner: call(
    () => [
      {
        name: 'a',
        maxPending: 5,
        timeout: '5ms',
        logger: silentLogger,
        metrics: { count() {}, gauge() {}, observe() {} },
      },
    ],
    { returns: 'createHandlerRunner()' },
  ),
  'systemClock.now': call(),
  isFinal: call(() => ['sent']),
  isCredentialGood: call(() => [{ expiresAt: null }, NOW]),
  'randomIds.next': call(),
  ...Object.fromEntries(
    ['silentLogger', 'consoleLogger'].flatMap((logger) =>
      ['debug', 'info', 'warn', 'error'].map((level) => [
        `${logger}.${level}`,
        call(() => [{ a: 1 }, 'a line']),
      ]),
    ),
  ),
  'noMetrics.count': call(() => ['a', 1, { a: 'b' }]),
  'noMetrics.gauge': call(() => ['a', 1, { a: 'b' }]),
  'noMetrics.observe': call(() => ['a', 1, { a: 'b' }]),
  secretOf: call(() => ['a'], { returns: 'secretOf()' }),
  isReachable: call(() => ['online']),
  createPresenceMonitor: call(
    () => [hub, { every: 5, multiplier: 2.5, lease: 5, isListening: () => false }],
    {
      returns: 'createPresenceMonitor()',
    },
  ),
})
