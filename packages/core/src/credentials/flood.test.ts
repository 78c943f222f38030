import { expect, it } from 'vitest'
import type { DeviceHub } from '../index.js'
import { hubOn, issue, login, until } from './testing/credential-world.js'

const passphraseOf = (deviceId: string) => `the passphrase of ${deviceId}`

async function issueSlow(hub: DeviceHub, ...deviceIds: readonly string[]): Promise<void> {
  for (const deviceId of deviceIds)
    await issue(hub, deviceId, { hash: await hub.credentials.hashes.slow(passphraseOf(deviceId)) })
}

/** Tries ever new passwords for one user name, so many at once. */
function flood(hub: DeviceHub, deviceId: string, workers = 200) {
  const seen = { sent: 0, refused: 0, stop: false }
  const one = async (worker: number) => {
    while (!seen.stop) {
      await login(hub, deviceId, `guess ${worker} ${seen.sent++}`).catch(() => seen.refused++)
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
  const all = Promise.all(Array.from({ length: workers }, (_, worker) => one(worker)))
  return {
    seen,
    /** Once the queue is as full as the flood can make it. */
    full: () => until(() => seen.refused > workers),
    async stop() {
      seen.stop = true
      await all
    },
  }
}

it('wrong passwords for one user name keep no other device out, however many', async () => {
  const hub = hubOn()
  const others = ['L2', 'L3', 'L4', 'L5', 'L6']
  await issueSlow(hub, 'L1', ...others)
  await issue(hub, 'L7')
  const attack = flood(hub, 'L1')
  await attack.full()
  for (const id of others) expect(await login(hub, id, passphraseOf(id))).toBe(id)
  expect(await login(hub, 'L7')).toBe('L7')
  expect(await login(hub, 'L2', 'not its passphrase')).toBeNull()
  await attack.stop()
})

it('nor do they keep out who sets a password, nor who has logged in before', async () => {
  const hub = hubOn(undefined, { cacheFor: 0.001 })
  await issueSlow(hub, 'L1')
  expect(await login(hub, 'L1', passphraseOf('L1'))).toBe('L1')
  const attack = flood(hub, 'L1')
  await attack.full()
  // Whatever is remembered for a while only, is not by now.
  for (let i = 0; i < 5; i++) expect(await login(hub, 'L1', passphraseOf('L1'))).toBe('L1')
  await issueSlow(hub, 'L2')
  await attack.stop()
})

it('once they end, the device they were for gets in that was not known before', async () => {
  const hub = hubOn()
  await issueSlow(hub, 'L1')
  const attack = flood(hub, 'L1')
  await attack.full()
  await attack.stop()
  expect(await login(hub, 'L1', passphraseOf('L1'))).toBe('L1')
})

it('for as many names as there are places, one more device still gets in', async () => {
  const hub = hubOn(undefined, { hashConcurrency: 2, maxQueuedHashes: 6 })
  await issueSlow(hub, 'L1', 'L2', 'L3', 'L4', 'L9')
  const attacks = ['L1', 'L2', 'L3', 'L4'].map((id) => flood(hub, id, 20))
  for (const { full } of attacks) await full()
  expect(await login(hub, 'L9', passphraseOf('L9'))).toBe('L9')
  for (const { stop } of attacks) await stop()
})
