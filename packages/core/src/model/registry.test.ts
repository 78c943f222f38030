import { describe, expect, it } from 'vitest'
import { defineDeviceType } from './device-type/define-device-type.js'
import { createRegistry } from './registry.js'

const Weather = defineDeviceType('WeatherStation')
const Pump = defineDeviceType('pump')
const Base = defineDeviceType('base', { abstract: true })
const registry = createRegistry([Weather, Pump, Base, Weather])

describe('a registry', () => {
  it.each(['WeatherStation', 'weather_station', 'weatherstation', 'WEATHER_STATION'])('finds %s', (name) => {
    expect(registry.get(name)).toBe(Weather)
    expect(registry.has(name)).toBe(true)
  })

  it('names the known types when it knows none of a name', () => {
    expect(() => registry.get('boiler')).toThrow('known are WeatherStation, pump')
    expect(() => registry.get('boiler')).toThrow(expect.objectContaining({ code: 'unknown_type' }) as Error)
    expect(registry.find('boiler')).toBeUndefined()
    expect(registry.find('__proto__')).toBeUndefined()
  })

  it('counts the same type once and goes through types in order', () => {
    expect(registry.size).toBe(2)
    expect(registry.all()).toEqual([Weather, Pump])
    expect([...registry]).toEqual([Weather, Pump])
  })

  it('leaves abstract types out, and says so', () => {
    expect(registry.has(Base)).toBe(false)
    expect(() => registry.get('base')).toThrow('abstract')
  })

  it('tells a type from another of the same name', () => {
    expect(registry.has(Weather)).toBe(true)
    expect(registry.has(defineDeviceType('WeatherStation'))).toBe(false)
  })

  it('refuses two types of one name, abstract ones included', () => {
    const duplicate = expect.objectContaining({ code: 'duplicate_type' }) as Error
    expect(() => createRegistry([Weather, defineDeviceType('weather_station')])).toThrow(duplicate)
    expect(() => createRegistry([Base, defineDeviceType('base')])).toThrow(duplicate)
  })

  it('refuses types that share topics', () => {
    const topicTemplate = '{prefix}/{device_id}/{channel}'
    const types = [defineDeviceType('a', { topicTemplate }), defineDeviceType('b', { topicTemplate })]
    expect(() => createRegistry(types)).toThrow('could belong to a')
  })

  it('finds the type of a table', () => {
    expect(registry.findByTable('weatherstation_reading')).toBe(Weather)
    expect(registry.findByTable('pump_device')).toBe(Pump)
    expect(registry.findByTable('pump')).toBeUndefined()
    expect(registry.findByTable('devicehub_message')).toBeUndefined()
  })

  it('refuses what is no device type', () => {
    expect(() => createRegistry([{} as never])).toThrow('defineDeviceType')
  })
})
