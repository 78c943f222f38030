import { fileURLToPath } from 'node:url'
import { describe, expect, test } from 'vitest'
import { publicTypes } from './public-types.js'
import { isDuration, unitProblems } from './units.js'

describe('one unit', () => {
  test('every duration that a public function takes is a Duration, every time a Date, and every figure says its unit', () => {
    const types = publicTypes()
    expect(unitProblems(types)).toEqual([])
    // The walk reaches options, what is nested in them, methods of the hub, and what is written in place.
    const durations = types.inputs.filter(({ type }) => isDuration(type)).map(({ path }) => path)
    for (const known of [
      'core DeviceHubOptions.deviceCache.refreshAfter',
      'core DeviceHub.close(options).timeout',
      'core defineDeviceType(given).retention.readings',
      'client DeviceClientOptions.reconnect.min',
      'mqtt-listener MqttListenerOptions.slots.lease',
      'http readBody(options).timeout',
      'test-kit waitUntil(given).timeout',
    ])
      expect(durations).toContain(known)
    expect(durations.length).toBeGreaterThan(60)
  })

  test('sees each way of having another unit', () => {
    const file = fileURLToPath(new URL('./spoilt.ts', import.meta.url))
    const text = `
      export interface AOptions { readonly timeout?: number; readonly pauseMs?: number }
      export interface BOptions {
        /** Seconds until it ends. */ readonly end?: number
        /** How long it may take. */ readonly nested: { readonly wait: { readonly ttl: number } }
      }
      /** Plain. */
      export function go(how: {
        /** How long it may take. */
        readonly limit: number
      }): void {}
      export interface Api { run(options: { readonly interval?: number; readonly at?: number }): void }
      export interface ApiStats {
        /** Milliseconds behind. */
        readonly lag: number
        readonly seenAt: number | null
      }
      export interface GoodOptions { readonly timeout?: number | \`\${number}s\`; readonly count: number }`
    expect(unitProblems(publicTypes({ file, text })).map((line) => line.replace(/ \(".*/, ''))).toEqual([
      'extra AOptions.pauseMs: a unit in the name of an input',
      'extra AOptions.timeout: a number, not a Duration',
      'extra Api.run(options).at: a time that is no Date',
      'extra Api.run(options).interval: a number, not a Duration',
      'extra ApiStats.lag: a figure without its unit in the name',
      'extra ApiStats.seenAt: a time that is no Date',
      'extra BOptions.end: its comment says a unit',
      'extra BOptions.nested.wait.ttl: a number, not a Duration',
      'extra go(how).limit: a number, not a Duration',
    ])
  })
})
