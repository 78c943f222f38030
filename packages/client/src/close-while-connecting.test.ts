import { freePort } from '@devicehub/test-kit'
import { recordUnhandledRejections } from '@devicehub-internal/support/unhandled-rejections'
import { expect, test } from 'vitest'
import { createDeviceClient } from './index.js'
import { temporaryFolder } from './testing/temporary-folder.js'

const unhandled = recordUnhandledRejections()

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
    expect(await unhandled.reasons()).toEqual([])
    await expect(connected).rejects.toMatchObject({ code: 'closed' })
    await expect(again).rejects.toMatchObject({ code: 'closed' })
  },
)
