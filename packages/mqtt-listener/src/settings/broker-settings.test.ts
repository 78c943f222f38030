import { describe, expect, test } from 'vitest'
import { brokerSettings } from './broker-settings.js'
import type { MqttListenerOptions } from './options.js'

const url = 'mqtt://localhost:1883'

describe('options of a listener', () => {
  test('the least: one process, one session that is kept, nothing shared', () => {
    const [settings] = brokerSettings({ url })
    expect(settings).toMatchObject({
      name: 'default',
      protocolVersion: 5,
      clientId: 'devicehub',
      sharedGroup: null,
      cleanStart: false,
      sessionExpiry: 604_800,
      keepAlive: 60,
      qos: 1,
    })
  })

  test('a client id alone makes no group; one exists where it is configured', () => {
    const group = (options: MqttListenerOptions) =>
      brokerSettings({ url, clientId: 'hub-1', ...options })[0]?.sharedGroup
    expect(group({})).toBe(null)
    expect(group({ sharedGroup: 'acme' })).toBe('acme')
    expect(group({ sharedGroup: false })).toBe(null)
    expect(group({ protocolVersion: 4 })).toBe(null)
    expect(group({ protocolVersion: 4, sharedGroup: 'acme' })).toBe('acme')
  })

  test('a clean session may have a random id', () => {
    const [a, b] = [1, 2].map(() => brokerSettings({ url, cleanStart: true, sharedGroup: 'acme' })[0])
    expect(a?.clientId).not.toBe(b?.clientId)
    expect(a).toMatchObject({ cleanStart: true, sessionExpiry: 0, sharedGroup: 'acme' })
  })

  test('credentials of the URL are used, and no longer in it', () => {
    const [settings] = brokerSettings({ url: 'wss://us%40er:p%2Fw@broker.test/mqtt?token=secret' })
    expect(settings).toMatchObject({
      username: 'us@er',
      password: 'p/w',
      url: 'wss://broker.test:443/mqtt',
      path: '/mqtt?token=secret',
      port: 443,
    })
  })

  test('what stands beside `brokers` holds for each of them', () => {
    const settings = brokerSettings({
      clientId: 'hub-1',
      receiveMaximum: 10,
      brokers: { default: { url }, other: { url: 'mqtts://[::1]', receiveMaximum: 20 } },
    })
    expect(settings).toMatchObject([
      { name: 'default', clientId: 'hub-1', receiveMaximum: 10, port: 1883 },
      { name: 'other', clientId: 'hub-1', receiveMaximum: 20, port: 8883, host: '::1' },
    ])
  })

  test.each<[MqttListenerOptions, RegExp]>([
    [{}, /"default": `url` is missing/],
    [{ url: 'localhost:1883' }, /mqtt, mqtts, ws or wss, not localhost/],
    [{ url: 'http://localhost' }, /not http/],
    [{ url: 'mqtt://' }, /no URL|no host/],
    [{ url, brokers: { other: { url } } }, /either `url` or `brokers`/],
    [{ brokers: {} }, /names no broker/],
    [{ brokers: { other: {} } }, /"other": `url` is missing/],
    [
      { url, sharedGroup: 'acme' },
      /needs a clientId that stays the same after a restart.*no listener would receive them/,
    ],
    [{ url, clientId: 'mqttjs_8f3a2b1c' }, /looks random/],
    [{ url, clientId: `hub-${crypto.randomUUID()}` }, /looks random/],
    [{ url, clientId: '' }, /clientId must be a text of 1 to/],
    [{ url, clientId: 'a', sharedGroup: 'a/b' }, /without \/ \+ #/],
    [{ url, receiveMaximum: 0 }, /receiveMaximum must be a whole number from 1 to 65,535, not 0/],
    [{ url, receiveMaximum: 1.5 }, /receiveMaximum/],
    [{ url, keepAlive: -1 }, /keepAlive/],
    [
      { url, reconnect: { min: '10ms', max: '5ms' } },
      /reconnect.min must be at most reconnect.max, not 0.01 s and 0.005 s/,
    ],
    [{ url, protocolVersion: 3 as 4 }, /protocolVersion must be one of 4, 5, not 3/],
    [{ url, qos: 3 as 2 }, /qos must be one of 0, 1, 2, not 3/],
    [{ url, clientID: 'a' } as MqttListenerOptions, /"clientID" is not known here; did you mean clientId/],
    [
      { brokers: { other: { url, topic: 'x' } } } as MqttListenerOptions,
      /brokers\.other\."topic" is not known/,
    ],
    [{ url, name: 'a\nb' }, /name must be a text .* without control characters/],
    [{ url, name: 'x'.repeat(65) }, /name must be a text of 1 to 64 characters/],
    [{ url, reconnect: { min: -1 } }, /reconnect\.min must be a duration from 1ms to 1m/],
    [{ url, slots: 'ingest' } as unknown as MqttListenerOptions, /slots must be an object of options/],
    [null as unknown as MqttListenerOptions, /createMqttListener: options must be an object/],
    [{ url, ca: '-----BEGIN CERTIFICATE-----' }, /must begin with mqtts:/],
    [{ url: 'mqtts://localhost', cert: '-----BEGIN CERTIFICATE-----' }, /both `cert` and `key`/],
    [{ url: 'mqtts://localhost', ca: '/path/ca.pem' }, /ca must be the PEM text .* not a path: read it with/],
    [{ url: 'mqtts://localhost', cert: Buffer.from('a.pem') }, /cert must be the PEM text/],
    [{ url: 'mqtts://localhost', key: './key.pem' }, /^(?!.*key\.pem).*key must be the PEM text/],
    [{ url, password: 'secret' }, /`password` needs a `username`/],
  ])('%o is refused', (options, message) => {
    expect(() => brokerSettings(options)).toThrow(
      expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(message) }),
    )
  })

  test('invariant 8: a URL that cannot be read is not repeated in the error', () => {
    for (const url of [
      'mqtt://user:secret@host:notaport',
      'mqtt://user:secret\0@host',
      ['mqtt://u:secret@h'],
    ])
      expect(() => brokerSettings({ url } as MqttListenerOptions)).toThrow(
        expect.objectContaining({ message: expect.not.stringContaining('secret') }),
      )
  })
})
