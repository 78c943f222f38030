import { jsonCodec, reading } from '@devicehub/core'
import type { Field } from '@devicehub/core/definition'
import { z } from 'zod'
import { type Coverage, call, without } from '../sample-call.js'
import { Station } from './world.js'

const NOW = 1_767_225_600_000
const field = reading.float({ range: [0, 100] }) as Field
const common = { description: 'of a check', label: 'Check', nullable: true, renamedFrom: 'former' }
const fields = (role: 'reading' | 'state', preset: (value: unknown) => object): Coverage => ({
  [`${role}.float`]: call(() => [{ ...common, unit: '°C', range: [0, 100], precision: 2, ...preset(5) }]),
  [`${role}.integer`]: call(() => [
    { ...common, unit: 'm', range: [0, null], choices: [5, 6], ...preset(5) },
  ]),
  [`${role}.boolean`]: call(() => [{ ...common, ...preset(true) }]),
  [`${role}.string`]: call(() => [{ ...common, maxLength: 5, ...preset('a') }]),
  [`${role}.enum`]: call(() => [['open', 'closed'], { ...common, ...preset('open') }]),
  [`${role}.datetime`]: call(() => [{ ...common, ...preset(new Date(0)) }]),
  [`${role}.json`]: call(() => [{ ...common, schema: z.object({ a: z.int() }), ...preset({ a: 1 }) }]),
  [`${role}.binary`]: call(() => [{ ...common, maxLength: 5, ...preset(new Uint8Array(2)) }]),
  [`${role}.geo`]: call(() => [{ ...common, ...preset({ lat: 1, lon: 2 }) }]),
})

const context = () => ({
  channel: 'data',
  contentType: 'application/json',
  topic: 'things/check_station/S-1/data',
  deviceId: 'S-1',
  receivedAt: new Date(NOW),
})

/** `@devicehub/core/check`. */
export const checkCalls = (): Coverage => ({
  ...without(
    'the mechanism itself: packages declare rules with it, and check.test.ts has its own property test',
    ...'meant nearestKey trusting withExpected passes isList options partOf accept fits Misfit misfit showText showValue optional orNull withCode hidden satisfies anything text line anyText word number integer callback port list mapOf either duration durationInSeconds durationToHandOn recordOf durationText parseDuration'.split(
      ' ',
    ),
  ),
})

/** `@devicehub/core/definition`, and what the other entries have of the model. */
export const definitionCalls = (): Coverage => ({
  ...without('is thrown, and made with new', 'DeviceHubError'),
  'jsonCodec.decode': call(() => [new TextEncoder().encode('{"a":1}'), context()]),
  'jsonCodec.encode': call(() => [{ a: 1 }, { channel: 'data' }]),
  parseData: call(() => [[{ temperature: 5 }, { readings: [{ type: 'a', value: 1 }] }], { maxSamples: 5 }]),
  parseStatus: call(() => [{ status: 'online', battery_level: 5, firmware_version: '1' }]),
  parseTimestamp: call(() => ['2026-01-01T00:00:00Z']),
  decodeWith: call(() => [jsonCodec, new TextEncoder().encode('{"a":1}'), context()]),
  encodeWith: call(() => [jsonCodec, { a: 1 }, { channel: 'data', contentType: 'application/json' }]),
  fromStored: call(() => [field, 5]),
  toStored: call(() => [field, 5, 'a field']),
  toJson: call(() => [field, 5]),
  errorLine: call(() => [new Error('a\nb'), 20]),
  toLine: call(() => ['a\nb', 20]),
  compileSampleValidator: call(
    () => [Station, { unknownField: 'flag', outOfRange: 'clamp', badReading: 'flag', timeZone: 'UTC' }],
    { returns: 'compileSampleValidator()' },
  ),
  checkSchema: call(() => [z.object({ a: z.int() }), { a: 1 }, 'payload']),
  command: call(() => [{ payload: z.int(), result: z.int(), description: 'a', qos: 1 }]),
  defineDeviceType: call(() => [
    'check_type',
    {
      extends: Station,
      abstract: false,
      readings: { more: reading.float() },
      commands: {},
      state: {},
      hooks: { onData() {} },
      protocol: 'mqtt',
      broker: 'default',
      heartbeatInterval: 5,
      topicTemplate: '{prefix}/{type_name}/{device_id}/{channel}',
      retention: { readings: 5, messages: 5 },
      lastValues: true,
      onOffline: 'queue',
      sampleId: 'id',
      timestampField: 'timestamp',
      unknownDevice: 'reject',
      unknownField: 'flag',
      outOfRange: 'flag',
      badReading: 'flag',
      impossibleTime: 'flag',
      earliestTime: new Date(0),
      timeZone: 'UTC',
      clockSkew: { past: 5, future: 5 },
    },
  ]),
  effectiveOptions: call(() => [
    Station,
    {
      unknownDevice: 'reject',
      unknownField: 'flag',
      outOfRange: 'flag',
      badReading: 'flag',
      impossibleTime: 'flag',
      earliestTime: new Date(0),
      timeZone: 'UTC',
      clockSkew: { past: 5, future: 5 },
    },
  ]),
  isDeviceType: call(() => [Station]),
  typeKey: call(() => ['CheckStation']),
  ...fields('reading', () => ({})),
  ...fields('state', (value) => ({ default: value })),
  isHeartbeatOverdue: call(() => [Station, { lastSeen: new Date(NOW) }, new Date(NOW), 2.5]),
  createRegistry: call(() => [[Station]], { returns: 'createRegistry()' }),
  createBackoff: call(() => [{ min: '1ms', max: '10ms', factor: 2, jitter: 0.5, random: Math.random }], {
    returns: 'createBackoff()',
  }),
  createSendQuota: call(() => [5], { returns: 'createSendQuota()' }),
  closedUnanswered: call(() => [5, 'mqtt://broker', null]),
  isCertificateError: call(() => [new Error('a')]),
  isRefusal: call(() => [5]),
  isSlowDown: call(() => [0x93]),
  readDisconnect: call(() => [{ reasonCode: 0x93, properties: { reasonString: 'why' } }]),
  disconnectReason: call(() => [{ reasonCode: 0x93, reasonString: 'why', serverReference: null }]),
  reasonName: call(() => [0x93]),
  reasonOf: call(() => [new Error('a')]),
  refusalAdvice: call(() => [5]),
  createSilentEnds: call(() => [], { returns: 'createSilentEnds()' }),
  presumablyTakenOver: call(() => ['a client', 3]),
  ...without('gives what the caller’s own work gives, its errors too', 'quietWhenClosed'),
  isDeviceHubError: call(() => [new Error('a'), 'invalid_options']),
  isRetryable: call(() => [new Error('a')]),
  isStorageFault: call(() => [new Error('a')]),
  buildTopic: call(() => [Station, 'S-1', 'data', { prefix: 'things', deviceIdMaxLength: 128 }]),
  deviceTopics: call(() => [Station, 'S-1', { prefix: 'things', deviceIdMaxLength: 128 }]),
  parseTopic: call(() => [
    Station,
    'things/check_station/S-1/data',
    { prefix: 'things', deviceIdMaxLength: 128 },
  ]),
  subscribePatterns: call(() => [Station, { prefix: 'things', channels: ['data'] }]),
  isChannel: call(() => ['data']),
  assertDeviceId: call(() => ['S-1', 128]),
  deviceIdProblem: call(() => ['S-1', 128]),
  isValidDeviceId: call(() => ['S-1', 128]),
  isValidTopic: call(() => ['a/b']),
  isValidTopicFilter: call(() => ['a/+']),
  topicMatches: call(() => ['a/+', 'a/b']),
  createTopicRouter: call(() => [[Station], { prefix: 'things', deviceIdMaxLength: 128 }], {
    returns: 'createTopicRouter()',
  }),
})
