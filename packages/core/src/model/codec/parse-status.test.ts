import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type ParsedStatus, parseStatus } from './parse-status.js'

const nothing = { timestamp: null, id: null, flags: [] }

describe('a status', () => {
  it('says how a device is', () => {
    const value = {
      status: 'online',
      battery_level: 85.5,
      firmware_version: '2.1.0',
      timestamp: 1_772_366_400,
      id: 's-1',
    }
    expect(parseStatus(value)).toEqual({
      status: 'online',
      batteryLevel: 85.5,
      firmwareVersion: '2.1.0',
      timestamp: 1_772_366_400_000,
      id: 's-1',
      flags: [],
    })
  })

  it('takes battery as well as battery_level', () => {
    expect(parseStatus({ battery: 40 })).toEqual({ ...nothing, batteryLevel: 40 })
    expect(parseStatus({ battery: 40, battery_level: 50 })).toEqual({ ...nothing, batteryLevel: 50 })
  })

  it('takes an empty battery for what it is', () => {
    expect(parseStatus({ battery_level: 0, battery: 70 })).toEqual({ ...nothing, batteryLevel: 0 })
  })

  it('lets the rest count where one part cannot be used', () => {
    expect(parseStatus({ status: 'asleep', battery_level: 50 })).toEqual({
      ...nothing,
      batteryLevel: 50,
      flags: ['unknown_status'],
    })
    expect(
      parseStatus({ status: 'online', battery_level: 101, firmware_version: 'x'.repeat(51), timestamp: 'x' }),
    ).toEqual({
      ...nothing,
      status: 'online',
      flags: ['bad_timestamp', 'bad_battery', 'bad_firmware_version'],
    })
  })

  it.each(['Online', 'OFFLINE', ' low_battery\n', 'online'])(
    'reads %j whatever its case and blanks',
    (raw) => {
      const status = raw.trim().toLowerCase()
      expect(parseStatus({ status: raw })).toEqual({ ...nothing, status })
      expect(parseStatus(raw)).toEqual({ ...nothing, status })
    },
  )

  it.each(['constructor', '__proto__', 'on line', 'gone', 5, {}, ['online'], false, 'online'.padStart(99)])(
    'does not know the status %j',
    (status) => {
      expect(parseStatus({ status })).toEqual({ ...nothing, flags: ['unknown_status'] })
    },
  )

  it.each([-1, 100.1, Number.NaN, '50', {}])('does not take %j for a battery level', (level) => {
    expect(parseStatus({ battery_level: level })).toEqual({ ...nothing, flags: ['bad_battery'] })
  })

  it.each(['', 'a\0b', 2.1, '\udfff'])('does not take %j for a firmware version', (version) => {
    expect(parseStatus({ firmware_version: version })).toEqual({
      ...nothing,
      flags: ['bad_firmware_version'],
    })
  })

  it.each([
    {},
    { status: null, battery_level: null, firmware_version: null },
    { timestamp: 1_772_366_400_000 },
    { state: 'offline' },
    { Status: 'offline' },
    { online: false },
    { uptime: 12 },
    { device_status: 'offline', battery_level: 10 },
    { battery: 10, connected: 0 },
    { battery: 10, link: ' Disconnected' },
    { battery: 10, bridge: { online: false } },
    { firmware_version: '1', channels: [{ up: true }] },
  ])('of %j nobody knows whether the device is there', (value) => {
    const { status, flags } = parseStatus(value) as ParsedStatus
    expect(status).toBeUndefined()
    expect(flags).toEqual(['unknown_status'])
  })

  it.each([
    { battery_level: 50 },
    { battery: 101 },
    { firmware_version: '2.1', rssi: -60, uptime: 0, ip: '10.0.0.2', wifi: { channel: 6 } },
    { status: null, battery_level: 50 },
  ])('of %j it does not have to say it', (value) => {
    expect((parseStatus(value) as ParsedStatus).flags).not.toContain('unknown_status')
  })

  it.each([null, 'gone', 5, [], undefined, true])('is not %j', (value) => {
    expect(parseStatus(value)).toMatchObject({ code: 'invalid_shape' })
  })

  it('never throws', () => {
    const keys = fc.constantFrom('status', 'battery', 'battery_level', 'firmware_version', 'timestamp', 'id')
    fc.assert(
      fc.property(
        fc.oneof(fc.anything(), fc.dictionary(keys, fc.anything())),
        (value) => void parseStatus(value),
      ),
    )
  })
})
