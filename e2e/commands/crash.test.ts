import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createDeviceHub, silentLogger } from '@devicehub/core'
import { createMqttListener } from '@devicehub/mqtt-listener'
import { createRawClient, describeWith, waitUntil } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { startScript } from './programs.js'
import { Worker } from './worker.js'

describeWith(['mosquitto'], 'a device that dies while it executes a command', ({ mosquitto }) => {
  describe.each([5, 4] as const)('MQTT version %i', (protocolVersion) => {
    test('does not execute it again when it comes again, and says what is known of it', async () => {
      const { url, port } = mosquitto()
      const folder = mkdtempSync(join(tmpdir(), 'devicehub-crash-'))
      const executed = join(folder, 'executed')
      const ids = () => (existsSync(executed) ? readFileSync(executed, 'utf8').trim().split('\n') : [])
      const start = (die: string) =>
        startScript('crashing-device.ts', [url, join(folder, 'data'), executed, String(protocolVersion), die])
      await using hub = createDeviceHub({
        types: [Worker],
        logger: silentLogger,
        commands: { lookEvery: 0.1 },
      })
      await hub.devices.create(Worker, { deviceId: 'W-1' })
      const listener = createMqttListener(hub, { url, protocolVersion, clientId: `crash-${protocolVersion}` })
      await listener.start()

      const sent = await hub.commands.send(Worker, 'W-1', 'work', undefined, { timeout: 2, retries: 50 })
      const result = sent.result()
      result.catch(() => {})
      await using dying = start('die')
      expect(await dying.ended()).toBe('SIGKILL')
      expect(ids()).toEqual([sent.id])
      await waitUntil('a second publication', async () => (await sent.get()).attempts >= 2)

      await using alive = start('')
      await alive.said('ready')
      await expect(result).rejects.toMatchObject({
        code: 'command_failed',
        details: { reason: expect.stringMatching(/^interrupted/) },
      })
      // And once more, by hand: the answer comes again, the handler is not called.
      await using other = await createRawClient({ port })
      const again = JSON.stringify({ command: 'work', id: sent.id })
      await other.publish('things/worker/W-1/cmd', again, { qos: 1 })
      const replies = async () => (await hub.messages.list(Worker, { channel: 'response' })).items
      const before = (await replies()).length
      await other.publish('things/worker/W-1/cmd', again, { qos: 1 })
      await waitUntil('the answer', async () => (await replies()).length > before)
      const next = await hub.commands.send(Worker, 'W-1', 'work', undefined, { timeout: 60 })
      expect(await next.result()).toBe('done')
      expect(ids()).toEqual([sent.id, next.id])
      rmSync(folder, { recursive: true, force: true })
    })
  })
})
