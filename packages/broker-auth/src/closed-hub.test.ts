import { createDeviceHub, silentLogger } from '@devicehub/core'
import { expect, test } from 'vitest'
import { createBrokerAuth } from './index.js'

test('a broker-auth on a hub that is closed is refused when it is made', async () => {
  const hub = createDeviceHub({
    types: [],
    logger: silentLogger,
    credentials: { secret: 'a secret of more than 32 characters' },
  })
  await hub.close()
  expect(() => createBrokerAuth(hub, { public: true })).toThrow(
    expect.objectContaining({ code: 'closed', message: expect.stringMatching(/the hub is closed: /) }),
  )
})
