import { describe, expect, test } from 'vitest'
import { createDeviceHub } from '../../hub/create-device-hub.js'
import { silentLogger } from '../../ports/logger.js'
import { jsonCodec } from '../codec/json.js'
import { buildTopic } from '../topic/index.js'
import { DEFAULT_HEARTBEAT_INTERVAL, DEFAULT_TOPIC_TEMPLATE } from './default-options.js'
import { defineDeviceType } from './define-device-type.js'
import type { IngestPolicies } from './device-type.js'
import { effectiveOptions } from './effective-options.js'
import { OPTION_NAMES } from './options.js'
import { reading } from './reading.js'

const readings = { level: reading.float() }
const Plain = defineDeviceType('plain', { readings })
const Special = defineDeviceType('special', {
  readings,
  heartbeatInterval: 60,
  outOfRange: 'reject',
  sampleId: false,
  lastValues: false,
  topicTemplate: '{prefix}/s/{device_id}/{channel}',
})

describe('effectiveOptions', () => {
  test('names every option there is, with its default', () => {
    const options = effectiveOptions(Plain)
    expect(Object.keys(options).sort()).toEqual([...OPTION_NAMES].sort())
    expect(options).toEqual({
      protocol: 'mqtt',
      broker: 'default',
      heartbeatInterval: DEFAULT_HEARTBEAT_INTERVAL,
      topicTemplate: DEFAULT_TOPIC_TEMPLATE,
      codec: jsonCodec,
      sampleId: 'id',
      timestampField: 'timestamp',
      retention: {},
      lastValues: true,
      onOffline: 'queue',
      unknownDevice: 'quarantine',
      unknownField: 'ignore',
      outOfRange: 'flag',
      badReading: 'flag',
      clockSkew: { past: 604_800, future: 600 },
      earliestTime: new Date('2020-01-01T00:00:00Z'),
      impossibleTime: 'received',
      timeZone: 'UTC',
    })
  })

  test('what the type says goes before the policies, and these before the defaults', () => {
    const options = effectiveOptions(Special, {
      outOfRange: 'clamp',
      unknownField: 'flag',
      clockSkew: { past: '1d', future: '1m' },
    })
    expect(options).toMatchObject({
      heartbeatInterval: 60,
      outOfRange: 'reject',
      unknownField: 'flag',
      badReading: 'flag',
      clockSkew: { past: 86_400, future: 60 },
      sampleId: false,
      lastValues: false,
    })
  })

  test('nobody changes a default by what was given to them', () => {
    effectiveOptions(Plain).earliestTime.setTime(0)
    expect(effectiveOptions(Plain).earliestTime).toEqual(new Date('2020-01-01T00:00:00Z'))
    expect(() => Object.assign(effectiveOptions(Plain), { broker: 'b' })).toThrow(TypeError)
  })

  test('refuses what is no type and no policy', () => {
    expect(() => effectiveOptions({} as typeof Plain)).toThrow(
      expect.objectContaining({ code: 'unknown_type' }),
    )
    for (const policies of [{ outOfRang: 'flag' }, { outOfRange: 'x' }, { heartbeatInterval: 5 }, 5])
      expect(() => effectiveOptions(Plain, policies as Partial<IngestPolicies>)).toThrow(
        expect.objectContaining({ code: 'invalid_options' }),
      )
  })
})

describe('a hub', () => {
  const hub = createDeviceHub({
    types: [Plain, Special],
    topicPrefix: 'acme/iot',
    deviceIdMaxLength: 5,
    outOfRange: 'clamp',
    logger: silentLogger,
  })

  test('tells the options it goes by', () => {
    expect(hub.typeOptions(Plain)).toEqual({ ...effectiveOptions(Plain), outOfRange: 'clamp' })
    expect(hub.typeOptions(Special).outOfRange).toBe('reject')
    expect(() => hub.typeOptions(defineDeviceType('other'))).toThrow(
      expect.objectContaining({ code: 'unknown_type' }),
    )
  })

  test('builds topics with its own prefix and length of ids', () => {
    expect(hub.topic(Plain, 'P-1')).toBe('acme/iot/plain/P-1/data')
    expect(hub.topic(Special, 'S-1', 'cmd')).toBe('acme/iot/s/S-1/cmd')
    expect(() => hub.topic(Plain, 'P-1234')).toThrow(expect.objectContaining({ code: 'invalid_device_id' }))
    expect(() => hub.topic(Plain, 'P-1', 'x' as 'cmd')).toThrow(
      expect.objectContaining({ code: 'invalid_topic' }),
    )
    expect(() => hub.topic(defineDeviceType('other'), 'P-1')).toThrow(
      expect.objectContaining({ code: 'unknown_type' }),
    )
  })

  test('without a hub the channel is data as well', () => {
    expect(buildTopic(Plain, 'P-1')).toBe('things/plain/P-1/data')
  })
})
