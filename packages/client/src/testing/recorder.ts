import { defineDeviceType, state } from '@devicehub/core/definition'
import { expect } from 'vitest'
import { startCommandWorld } from './command-world.js'

const WAIT = { timeout: 60_000, interval: 5 }

export const Recorder = defineDeviceType('recorder', {
  state: {
    mode: state.enum(['continuous', 'burst'], { default: 'continuous' }),
    interval: state.integer({ range: [1, 3600] }),
    since: state.datetime(),
    mask: state.binary(),
    extra: state.json(),
  },
})

export async function connectRecorder(options: Parameters<typeof startCommandWorld>[1] = {}) {
  const world = await startCommandWorld(Recorder, options)
  return {
    ...world,
    desire: (desired: unknown, version: number) =>
      world.send({ desired, version }, { channel: 'desired', retain: true }),
    clear: () => world.send('', { channel: 'desired' }),
    reports: () => world.payloadsOn('state'),
    /** Everything that was sent to the device before was handled. */
    async handled() {
      const messageId = world.send('', { channel: 'other' })
      await expect.poll(world.acknowledged, WAIT).toContain(messageId)
    },
  }
}
