import { freePort } from '@devicehub/test-kit'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createDeviceClient } from './index.js'
import { temporaryFolder } from './testing/temporary-folder.js'

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

test.each(['memory', 'folder'])(
  'closed while it connects, outbox: %s: connect rejects with closed, and no rejection is left behind',
  async (kind) => {
    using folder = temporaryFolder()
    const client = createDeviceClient(
      { type: 'station' },
      {
        deviceId: 'a',
        url: `mqtt://127.0.0.1:${await freePort()}`,
        outbox: kind === 'memory' ? 'memory' : { folder: folder.path },
      },
    )
    const connected = client.connect()
    const again = client.connect()
    await client.close()
    await turns()
    expect(unhandled).toEqual([])
    await expect(connected).rejects.toMatchObject({ code: 'closed' })
    await expect(again).rejects.toMatchObject({ code: 'closed' })
  },
)
