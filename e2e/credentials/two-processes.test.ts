import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createBrokerAuth } from '@devicehub/broker-auth'
import {
  createDeviceHub,
  defineDeviceType,
  reading,
  type StorageAdapter,
  silentLogger,
} from '@devicehub/core'
import { createProvisioner } from '@devicehub/provision'
import { kyselyStorage, sqliteDialect } from '@devicehub/storage-kysely'
import { describeWith } from '@devicehub/test-kit'
import { Kysely } from 'kysely'
import { describe, expect, test } from 'vitest'
import { postgresStorage } from '../commands/stage.js'

const Meter = defineDeviceType('meter', { readings: { level: reading.float() } })
const SECRET = 'one key for all processes of this test, and no other'

/** What one process has: nothing of it is shared with another but the database. */
function processOn(storage: StorageAdapter) {
  const hub = createDeviceHub({
    types: [Meter],
    storage,
    logger: silentLogger,
    credentials: { secret: SECRET },
  })
  const brokerAuth = createBrokerAuth(hub, { public: true })
  return {
    hub,
    provisioner: createProvisioner(hub),
    decider: brokerAuth.decider,
    async ask(username: string, password: string): Promise<unknown> {
      const request = new Request('http://localhost/emqx/authn', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username, password, clientid: username }),
      })
      return ((await (await brokerAuth.fetch(request)).json()) as { result: unknown }).result
    },
    [Symbol.asyncDispose]: () => hub.close(),
  }
}

async function provesItself(open: () => StorageAdapter): Promise<void> {
  await using here = processOn(open())
  await using there = processOn(open())
  await here.hub.storage.migrate()
  const publish = (deviceId: string) =>
    there.decider.access({
      username: `meter-${deviceId}`,
      clientId: `meter-${deviceId}`,
      action: 'publish',
      topic: `things/meter/${deviceId}/data`,
    })
  for (let n = 0; n < 40; n++) {
    const deviceId = `m${n}`
    const { credentials } = await here.provisioner.generateCredentials(Meter, deviceId, { create: true })
    const { username, password } = credentials
    // Also when nobody of that name was known a moment ago.
    expect(await there.ask(username, password)).toBe('allow')
    expect(await there.ask(username, password)).toBe('allow')
    expect((await publish(deviceId)).allow).toBe(true)
    if (n % 4 === 0) await here.provisioner.revoke(Meter, deviceId)
    else if (n % 4 === 1) await here.hub.devices.deactivate(Meter, deviceId)
    else if (n % 4 === 2) await here.hub.devices.delete(Meter, deviceId)
    else {
      const { credentials: next } = await here.provisioner.rotate(Meter, deviceId)
      expect(await there.ask(username, next.password)).toBe('allow')
    }
    expect(await there.ask(username, password)).toBe('deny')
    expect((await publish(deviceId)).allow).toBe(n % 4 === 3)
  }
  expect(there.hub.credentials.stats().hits).toBeGreaterThan(40)
}

describe('what is revoked, deactivated, deleted or rotated in one process is refused by the next answer of another', () => {
  describeWith(['sqlite'], 'on SQLite', () => {
    test('as it should', async () => {
      const folder = mkdtempSync(join(tmpdir(), 'devicehub-credentials-'))
      try {
        const file = join(folder, 'hub.db')
        await provesItself(() =>
          kyselyStorage({ db: new Kysely({ dialect: sqliteDialect({ file }) }), closeDb: true }),
        )
      } finally {
        rmSync(folder, { recursive: true, force: true })
      }
    })
  })

  describeWith(['postgres'], 'on PostgreSQL', ({ postgres }) => {
    test('as well', async () => {
      const { url } = await postgres().createDatabase()
      await provesItself(() => postgresStorage(url))
    })
  })
})
