import { describe, expect, test } from 'vitest'
import { createMqttListener } from '../index.js'
import { brokerSettings } from '../settings/broker-settings.js'
import type { MqttListenerOptions } from '../settings/options.js'
import { createHeldHub } from '../testing/held-hub.js'
import { bySlot, claimableSlots, slotLeaseName } from './slot-leases.js'

const url = 'mqtt://localhost'
const slots = { group: 'ingest', max: 4 }
const settingsOf = (options: MqttListenerOptions) => brokerSettings({ url, slots, ...options })[0]

describe('options of slots', () => {
  test('one configuration for all: a lease of 15 s, the group shares', () => {
    expect(settingsOf({})).toMatchObject({
      slots: { group: 'ingest', max: 4, ttl: 15_000, broker: 'localhost:1883' },
      sharedGroup: 'ingest',
      cleanStart: false,
    })
    expect(settingsOf({ sharedGroup: 'field' })).toMatchObject({ sharedGroup: 'field' })
    expect(brokerSettings({ url, clientId: 'a' })[0]).toMatchObject({ slots: null })
  })

  test('each of several brokers has slots of its own, under one name if need be', () => {
    const brokers = { north: { url: 'mqtt://north' }, south: { url, slots: { ...slots, broker: 'south' } } }
    expect(brokerSettings({ slots, brokers }).map((each) => each.slots?.broker)).toEqual([
      'north:1883',
      'south',
    ])
  })

  test('MQTT 3.1.1: one receives and the others stand by, unless the broker is known to share', () => {
    expect(settingsOf({ protocolVersion: 4, slots: { ...slots, max: 1 } })).toMatchObject({
      sharedGroup: null,
    })
    expect(settingsOf({ protocolVersion: 4, sharedGroup: 'ingest' })).toMatchObject({ sharedGroup: 'ingest' })
  })

  test.each<[MqttListenerOptions, RegExp]>([
    [{ clientId: 'hub-1' }, /either `slots` or `clientId`/],
    [{ cleanStart: true }, /without `cleanStart`/],
    [{ slots: { group: '', max: 1 } }, /slots\.group must be 1 to 64 letters/],
    [{ slots: { group: 'a/b', max: 1 } }, /slots\.group/],
    [{ slots: { group: 'a'.repeat(65), max: 1 } }, /slots\.group/],
    [{ slots: { group: crypto.randomUUID(), max: 1 } }, /looks random/],
    [{ slots: { group: 'a', max: 0 } }, /slots\.max must be a whole number from 1 to 1,024, not 0/],
    [{ slots: { group: 'a', max: 1_025 } }, /slots\.max/],
    [{ slots: { group: 'a', max: 1.5 } }, /slots\.max/],
    [
      { slots: { group: 'a', max: 1, lease: 0.5 } },
      /slots\.lease must be a duration from 1s to 1h: .*, not 0.5 s/,
    ],
    [{ slots: { group: 'a', max: 1, lease: Number.NaN } }, /slots\.lease/],
    [{ slots: { group: 'a', max: 1, broker: 'a/b' } }, /slots\.broker/],
    [{ sessionExpiry: 30 }, /sessionExpiry must be at least three times slots\.lease \(45 s\)/],
    [{ protocolVersion: 4 }, /MQTT 3\.1\.1 has no shared subscriptions.*stand by/],
    [{ sharedGroup: false }, /every slot would get every message/],
  ])('%o is refused', (options, message) => {
    expect(() => settingsOf(options)).toThrow(
      expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(message) }),
    )
  })

  test('a hub whose storage leases nothing is refused', () => {
    expect(() => createMqttListener(createHeldHub(), { url, slots })).toThrow(
      expect.objectContaining({ code: 'invalid_options', message: expect.stringMatching(/storage/) }),
    )
  })
})

describe('which slot to claim', () => {
  const settings = { ...slots, ttl: 1_000, broker: 'b' }
  const states = (held: Record<number, { holder?: string; note?: string }>) =>
    bySlot(
      settings,
      Object.entries(held).map(([slot, { holder = null, note = null }]) => ({
        name: slotLeaseName(settings, Number(slot)),
        epoch: 1,
        holder,
        expiresIn: holder === null ? 0 : 500,
        note,
      })),
    )

  test('the lowest, when none was ever used', () => {
    expect(claimableSlots(states({}), 4, 'me', null)).toEqual([1, 2, 3, 4])
  })

  test('those that others hold are left alone; one in which a session waits goes first', () => {
    const held = states({ 1: { holder: 'you' }, 2: {}, 3: { note: 'open' }, 4: { note: 'unsure' } })
    expect(claimableSlots(held, 4, 'me', null)).toEqual([3, 4, 2])
  })

  test('the one this process held before, even if its lease still runs', () => {
    const held = states({ 1: { note: 'open' }, 4: { holder: 'me', note: 'open' } })
    expect(claimableSlots(held, 4, 'me', 4)).toEqual([4, 1, 2, 3])
  })
})
