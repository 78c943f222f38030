import { createDeviceHub, silentLogger } from '@devicehub/core'
import { expect, test } from 'vitest'
import { createProvisioner } from './index.js'

test('a provisioner on a hub that is closed is refused when it is made', async () => {
  const hub = createDeviceHub({
    types: [],
    logger: silentLogger,
    credentials: { secret: 'a secret of more than 32 characters' },
  })
  await hub.close()
  expect(() => createProvisioner(hub)).toThrow(
    expect.objectContaining({ code: 'closed', message: expect.stringMatching(/the hub is closed: /) }),
  )
})
