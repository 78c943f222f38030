import { afterEach, beforeEach, expect, test } from 'vitest'
import { createPresenceMonitor } from '../presence/create-presence-monitor.js'
import { online, Station, world } from './testing/command-world.js'

const unhandled: unknown[] = []
const note = (reason: unknown) => void unhandled.push(reason)
beforeEach(() => {
  unhandled.length = 0
  process.on('unhandledRejection', note)
})
afterEach(() => void process.off('unhandledRejection', note))

const turns = async () => {
  for (let n = 0; n < 3; n++) await new Promise((resolve) => setImmediate(resolve))
}

test.each([undefined, 60])(
  'a hub that is closed while a result is waited for (timeout %s): closed, and no rejection is left behind',
  async (timeout) => {
    const { hub } = world()
    await online({ hub }, 's1')
    const sent = await hub.commands.send(Station, 's1', 'reboot')
    const result = sent.result(timeout === undefined ? {} : { timeout })
    await hub.close()
    await turns()
    expect(unhandled).toEqual([])
    await expect(result).rejects.toMatchObject({ code: 'closed' })
  },
)

test('a presence monitor that is closed while a sweep waits its turn: the same', async () => {
  const { hub } = world()
  await hub.storage.migrate()
  const monitor = createPresenceMonitor(hub)
  const sweeps = [monitor.sweep(), monitor.sweep()]
  await monitor.close()
  await turns()
  expect(unhandled).toEqual([])
  await expect(sweeps[1]).rejects.toMatchObject({ code: 'closed' })
})
