import { describeWith, waitUntil } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { startFirmware } from './programs.js'
import { DEVICE, openStage, WeatherStation } from './stage.js'

describeWith(['mosquitto', 'sqlite'], 'examples/firmware', ({ mosquitto }) => {
  describe.each([5, 4] as const)('MQTT version %i', (protocolVersion) => {
    test('answers commands, takes those that waited for it, applies desired state, and stops cleanly', async () => {
      const { url } = mosquitto()
      await using stage = await openStage({ url, protocolVersion })
      const { hub, folder } = stage
      const { commands } = hub
      // Before it was ever there: one that expires, two that wait, and what it is to be.
      const expired = await commands.send(WeatherStation, DEVICE, 'reboot', undefined, { expiresIn: 0.2 })
      const waiting = [10, 20].map((interval) =>
        commands.send(WeatherStation, DEVICE, 'set_interval', { interval }, { timeout: 60 }),
      )
      await hub.twin(WeatherStation).setDesired(DEVICE, { recording_mode: 'burst' })
      await expect(expired.result()).rejects.toMatchObject({ code: 'command_expired' })

      await using device = startFirmware(url, folder, protocolVersion)
      const [first, second] = await Promise.all(waiting)
      expect(await first?.result()).toEqual({ interval: 10, previous: 60 })
      expect(await second?.result()).toEqual({ interval: 20, previous: 10 })
      await waitUntil('the reported state', async () => {
        const twin = await hub.twin(WeatherStation).get(DEVICE)
        return twin?.reported.recording_mode === 'burst' && twin.reported.interval === 20
      })
      expect(await hub.twin(WeatherStation).get(DEVICE)).toMatchObject({ reportedVersion: 1, delta: {} })

      const measured = await commands.send(WeatherStation, DEVICE, 'measure_now', undefined, { timeout: 60 })
      expect(await measured.result()).toEqual({
        temperature: expect.any(Number),
        humidity: expect.any(Number),
      })
      await expect(
        commands.send(WeatherStation, DEVICE, 'set_interval', { interval: 0 }),
      ).rejects.toMatchObject({ code: 'invalid_payload' })
      await waitUntil('a sample', async () => (await hub.readings.latest(WeatherStation, DEVICE)) !== null)

      const reboot = await commands.send(WeatherStation, DEVICE, 'reboot', undefined, { timeout: 60 })
      await reboot.result()
      await device.said('stopping: reboot')
      await waitUntil(
        'the farewell',
        async () => (await hub.devices.get(WeatherStation, DEVICE))?.status === 'offline',
      )

      const cancelled = await commands.send(WeatherStation, DEVICE, 'reboot')
      expect(await cancelled.cancel()).toBe(true)
      await using again = startFirmware(url, folder, protocolVersion)
      const last = await commands.send(
        WeatherStation,
        DEVICE,
        'set_interval',
        { interval: 30 },
        { timeout: 60 },
      )
      // The broker told it its desired state again, which has no interval in it.
      expect(await last.result()).toEqual({ interval: 30, previous: 60 })
      expect(again.lines.filter((line) => line.includes('reboot'))).toEqual([])
      expect(await again.end('SIGTERM')).toBe(0)
    })
  })
})
