import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { defineDeviceType } from '../device-type/define-device-type.js'
import { reading } from '../device-type/reading.js'
import { buildTopic, deviceTopics, parseTopic, subscribePatterns } from './build-topic.js'
import { CHANNELS } from './channel.js'
import { isValidDeviceId } from './device-id.js'
import { isValidTopic, isValidTopicFilter, topicMatches } from './mqtt-topic.js'
import { createTopicRouter } from './router.js'

const readings = { value: reading.float() }
const Weather = defineDeviceType('Weather_Station', { readings })
const Pump = defineDeviceType('pump', {
  readings,
  topicTemplate: 'plant/{type_name}/{channel}/of/{device_id}',
})
const Meter = defineDeviceType('meter', {
  readings,
  topicTemplate: '{prefix}/meters/{device_id}/x/{channel}',
})
const types = [Weather, Pump, Meter]
const route = createTopicRouter(types)

const deviceIds = fc
  .array(fc.constantFrom(...'ABCXYZabcxyz0189_-'), { minLength: 1, maxLength: 128 })
  .map((characters) => characters.join(''))
/** Pieces that could fool a parser, and anything else. */
const hostile = fc.array(
  fc.oneof(
    fc.constantFrom(
      '/',
      '+',
      '#',
      '$',
      '\0',
      '..',
      'things',
      'plant',
      'data',
      'pump',
      'meters',
      'weatherstation',
      'x',
      'of',
      '*',
      '{device_id}',
    ),
    fc.string(),
    fc.string({ unit: 'binary' }),
  ),
  { maxLength: 9 },
)

describe('topics', () => {
  it('are those of the reference by default, with the type name in lower case and without _', () => {
    expect(buildTopic(Weather, 'STATION-001', 'data')).toBe('things/weatherstation/STATION-001/data')
    expect(buildTopic(Pump, 'p1', 'cmd')).toBe('plant/pump/cmd/of/p1')
    expect(buildTopic(Weather, 'a', 'status', { prefix: 'acme/eu' })).toBe('acme/eu/weatherstation/a/status')
    expect(deviceTopics(Meter, 'm1')).toMatchObject({
      cmd: 'things/meters/m1/x/cmd',
      desired: 'things/meters/m1/x/desired',
    })
  })

  it('of one type under two prefixes in turn each has its own', () => {
    const topic = (prefix: string) => buildTopic(Weather, 'a', 'data', { prefix })
    expect(['one', 'two', 'one', 'one'].map(topic)).toEqual(
      ['one', 'two', 'one', 'one'].map((prefix) => `${prefix}/weatherstation/a/data`),
    )
  })

  it('come back as type, device and channel', () => {
    expect(route('things/weatherstation/STATION-001/data')).toEqual({
      type: Weather,
      deviceId: 'STATION-001',
      channel: 'data',
    })
    expect(route('plant/pump/status/of/p1')).toEqual({ type: Pump, deviceId: 'p1', channel: 'status' })
    expect(parseTopic(Meter, 'things/meters/m1/x/state')).toEqual({ deviceId: 'm1', channel: 'state' })
    expect(parseTopic(Meter, 'things/weatherstation/a/data')).toBeNull()
  })

  it('round trip for every device id and channel', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...types),
        deviceIds,
        fc.constantFrom(...CHANNELS),
        (type, deviceId, channel) => {
          expect(route(buildTopic(type, deviceId, channel))).toEqual({ type, deviceId, channel })
        },
      ),
    )
  })

  it('invariant 10: whatever text stands for an id, it is refused or stays within its own level', () => {
    fc.assert(
      fc.property(
        hostile.map((parts) => parts.join('')),
        deviceIds,
        (text, victim) => {
          fc.pre(text !== victim)
          let topic: string
          try {
            topic = buildTopic(Weather, text, 'data')
          } catch {
            return
          }
          expect(topic).not.toBe(buildTopic(Weather, victim, 'data'))
          expect(route(topic)).toEqual({ type: Weather, deviceId: text, channel: 'data' })
          for (const filter of subscribePatterns(Pump)) expect(topicMatches(filter, topic)).toBe(false)
        },
      ),
      { numRuns: 2_000 },
    )
  })

  it("invariant 10: any text is either one device's topic, to the letter, or refused", () => {
    fc.assert(
      fc.property(
        hostile.map((parts) => parts.join('/')),
        (topic) => {
          const found = route(topic)
          if ('code' in found) expect(found.reason).not.toBe('')
          else expect(buildTopic(found.type, found.deviceId, found.channel)).toBe(topic)
        },
      ),
      { numRuns: 5_000 },
    )
  })

  it.each([
    ['things/boiler/b1/data', 'unknown_type', null, 'known are weatherstation'],
    ['things/Weather_Station/b1/data', 'unknown_type', null, 'is "weatherstation"'],
    ['things/weatherstation/b1/dat', 'unknown_channel', Weather, 'the channels are data'],
    ['things/weatherstation/b*1/data', 'invalid_device_id', Weather, 'U+002A'],
    ['things/weatherstation//data', 'invalid_device_id', Weather, 'is empty'],
    [`things/weatherstation/${'x'.repeat(129)}/data`, 'invalid_device_id', Weather, 'at most 128'],
    ['things/weatherstation/a/b/data', 'unknown_topic', null, 'no device type has a topic'],
    ['other/weatherstation/a/data', 'unknown_topic', null, 'no device type has a topic'],
    ['/things/weatherstation/a/data', 'unknown_topic', null, 'no device type has a topic'],
    ['things/weatherstation/a/data/', 'unknown_topic', null, 'no device type has a topic'],
    ['', 'invalid_topic', null, 'no MQTT topic'],
    ['things/weatherstation/+/data', 'invalid_topic', null, 'no MQTT topic'],
    ['things/weatherstation/a\0/data', 'invalid_topic', null, 'no MQTT topic'],
  ])('%j is refused as %s', (topic, code, type, reason) => {
    expect(route(topic)).toMatchObject({ code, type, reason: expect.stringContaining(reason) as string })
  })

  it('take the longest device id that was asked for', () => {
    const short = createTopicRouter([Weather], { deviceIdMaxLength: 5 })
    expect(short('things/weatherstation/12345/data')).toMatchObject({ deviceId: '12345' })
    expect(short('things/weatherstation/123456/data')).toMatchObject({ code: 'invalid_device_id' })
  })

  it('know the word of the reference for the channel', () => {
    const Old = defineDeviceType('old', { topicTemplate: '{prefix}/{type_name}/{device_id}/{message_type}' })
    expect(buildTopic(Old, 'a', 'data')).toBe('things/old/a/data')
  })

  it('are subscribed to with + for the device, one filter a channel', () => {
    expect(subscribePatterns(Weather)).toEqual(
      ['data', 'status', 'response', 'state'].map((channel) => `things/weatherstation/+/${channel}`),
    )
    expect(subscribePatterns(Pump, { channels: ['data'] })).toEqual(['plant/pump/data/of/+'])
    for (const filter of types.flatMap((type) => subscribePatterns(type)))
      expect(isValidTopicFilter(filter)).toBe(true)
  })

  it('do not exist for an abstract type', () => {
    const Abstract = defineDeviceType('abstract', { abstract: true })
    expect(() => buildTopic(Abstract, 'a', 'data')).toThrow('abstract')
    expect(createTopicRouter([Abstract])('things/abstract/a/data')).toMatchObject({ code: 'unknown_topic' })
  })

  it("of one router find a way back from a level that turns out to be another type's", () => {
    const A = defineDeviceType('a', { topicTemplate: 'x/a/{channel}/{device_id}' })
    const B = defineDeviceType('b', { topicTemplate: 'x/{device_id}/y/{channel}' })
    const both = createTopicRouter([A, B])
    expect(both('x/a/y/data')).toEqual({ type: B, deviceId: 'a', channel: 'data' })
    expect(both('x/a/data/y')).toEqual({ type: A, deviceId: 'y', channel: 'data' })
  })
})

describe('templates and prefixes', () => {
  it.each([
    ['{prefix}/{type_name}/{device_id}', 'lacks {channel}'],
    ['{prefix}/{type_name}/{channel}', 'lacks {device_id}'],
    ['{prefix}/{device_id}/{device_id}/{channel}', '2 times'],
    ['{channel}/{device_id}/{message_type}', '2 times'],
    ['{prefix}//{device_id}/{channel}', 'empty level'],
    ['/{device_id}/{channel}', 'empty level'],
    ['x-{device_id}/{channel}', 'has the level "x-{device_id}"'],
    ['{tenant}/{device_id}/{channel}', 'has the level "{tenant}"'],
    ['+/{device_id}/{channel}', 'no MQTT topic'],
    ['a/#/{device_id}/{channel}', 'no MQTT topic'],
    ['$SYS/{device_id}/{channel}', 'starts with $'],
    ['', 'no MQTT topic'],
  ])('%j is refused', (topicTemplate, reason) => {
    expect(() => defineDeviceType('x', { topicTemplate })).toThrow(reason)
  })

  it.each(['', '/', 'a//b', 'a/', '+', 'a/#', '$share', '{prefix}', 'a\0b'])(
    'the prefix %j is refused',
    (prefix) => {
      expect(() => createTopicRouter([Weather], { prefix })).toThrow('topic prefix')
    },
  )

  it.each([
    ['{prefix}/{device_id}/{channel}', '{prefix}/{device_id}/{channel}'],
    ['{device_id}/x/{channel}', 'y/{device_id}/{channel}'],
    ['{prefix}/{channel}/{device_id}', '{prefix}/{device_id}/{channel}'],
    ['{prefix}/{type_name}/{device_id}/{channel}', '{prefix}/{device_id}/b/{channel}'],
    ['{device_id}/{channel}', '{channel}/{device_id}'],
    ['x/y/{device_id}/{channel}', '{prefix}/{device_id}/{channel}'],
  ])('%s and %s would share topics', (a, b) => {
    const pair = [defineDeviceType('a', { topicTemplate: a }), defineDeviceType('b', { topicTemplate: b })]
    expect(() => createTopicRouter(pair, { prefix: 'x/y' })).toThrow(/could belong to/)
  })

  it('that only look alike do not', () => {
    const pair = [
      defineDeviceType('a', { topicTemplate: '{prefix}/{device_id}/one/{channel}' }),
      defineDeviceType('b', { topicTemplate: '{prefix}/{device_id}/two/{channel}' }),
      defineDeviceType('c', { topicTemplate: '{prefix}/{device_id}/{channel}' }),
      // No device can have an id with a dot.
      defineDeviceType('d', { topicTemplate: '{prefix}/a.b/{channel}/{device_id}' }),
      defineDeviceType('e', { topicTemplate: '{prefix}/{device_id}/{channel}/x.y' }),
    ]
    expect(() => createTopicRouter(pair.slice(0, 4))).not.toThrow()
    expect(() => createTopicRouter(pair)).not.toThrow()
  })
})

describe('a device id', () => {
  it.each([
    ['', 'is empty'],
    ['a/b', '"/" (U+002F)'],
    ['a+b', '"+" (U+002B)'],
    ['#', '"#" (U+0023)'],
    ['a*', '"*" (U+002A)'],
    ['$SYS', '"$" (U+0024)'],
    ['a.b', '"." (U+002E)'],
    ['a b', '(U+0020)'],
    ['a\0', '(U+0000)'],
    // Cyrillic a, a full-width A and an emoji.
    ['st\u0430tion', '(U+0430)'],
    ['\uff21', '(U+FF21)'],
    ['😀', '(U+1F600)'],
    ['x'.repeat(129), 'at most 128'],
  ])('%j is refused', (id, reason) => {
    expect(isValidDeviceId(id)).toBe(false)
    expect(() => buildTopic(Weather, id, 'data')).toThrow(reason)
    expect(() => buildTopic(Weather, id, 'data')).toThrow(
      expect.objectContaining({ code: 'invalid_device_id' }) as Error,
    )
  })

  it('can have 128 characters, or as many as allowed', () => {
    expect(isValidDeviceId('x'.repeat(128))).toBe(true)
    expect(isValidDeviceId('x'.repeat(129), 200)).toBe(true)
  })
})

describe('MQTT topics and filters', () => {
  it.each([
    ['a/b', 'a/b', true],
    ['a/b', 'a/B', false],
    ['a/+', 'a/b', true],
    ['a/+', 'a/b/c', false],
    ['a/+', 'a/', true],
    ['a/+', 'a', false],
    ['+/b', '/b', true],
    ['#', 'a/b/c', true],
    ['a/#', 'a', true],
    ['a/#', 'a/b/c', true],
    ['a/#', 'ab', false],
    ['a/+/#', 'a/b', true],
    ['a/+/#', 'a', false],
    // [MQTT-4.7.2-1]
    ['#', '$SYS/x', false],
    ['+/x', '$SYS/x', false],
    ['$SYS/#', '$SYS/x', true],
    ['a/+', 'a/$b', true],
  ])('%s and %s: %s', (filter, topic, matches) => {
    expect(topicMatches(filter, topic)).toBe(matches)
  })

  it.each([
    ['a', true],
    ['+', true],
    ['#', true],
    ['a/#', true],
    ['a/#/b', false],
    ['a#', false],
    ['a+/b', false],
    ['', false],
    ['a\0', false],
    ['\ud800', false],
    ['x'.repeat(65_535), true],
    ['x'.repeat(65_536), false],
    ['é'.repeat(32_768), false],
    ['$share/g/a/+', true],
    ['$share/g', false],
    ['$share//a', false],
    ['$share/g+/a', false],
    ['$share/g/', false],
    ['$share/g/$share/h/a', false],
  ])('the filter %j: %s', (filter, valid) => {
    expect(isValidTopicFilter(filter)).toBe(valid)
  })

  it('a topic that is published to has no wildcards', () => {
    expect(isValidTopic('a/b')).toBe(true)
    for (const bad of ['a/+', '#', '', 'a\0', '\udc00', 'x'.repeat(65_536)])
      expect(isValidTopic(bad)).toBe(false)
  })
})
