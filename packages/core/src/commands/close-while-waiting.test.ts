import { recordUnhandledRejections } from '@devicehub-internal/support/unhandled-rejections'
import { expect, test } from 'vitest'
import { createPresenceMonitor } from '../presence/create-presence-monitor.js'
import { online, Station, world } from './testing/command-world.js'

const unhandled = recordUnhandledRejections()

test.each([undefined, 60])(
  'a hub that is closed while a result is waited for (timeout %s): closed, and no rejection is left behind',
  async (timeout) => {
    const { hub } = world()
    await online({ hub }, 's1')
    const sent = await hub.commands.send(Station, 's1', 'reboot')
    const result = sent.result(timeout === undefined ? {} : { timeout })
    await hub.close()
    expect(await unhandled.reasons()).toEqual([])
    await expect(result).rejects.toMatchObject({ code: 'closed' })
  },
)

test('a presence monitor that is closed while a sweep waits its turn: the same', async () => {
  const { hub } = world()
  await hub.storage.migrate()
  const monitor = createPresenceMonitor(hub)
  const sweeps = [monitor.sweep(), monitor.sweep()]
  await monitor.close()
  expect(await unhandled.reasons()).toEqual([])
  await expect(sweeps[1]).rejects.toMatchObject({ code: 'closed' })
})
