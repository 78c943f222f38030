import { describeWith, waitUntil } from '@devicehub/test-kit'
import { describe, expect, test } from 'vitest'
import { publish, subscribe } from './programs.js'
import { DEVICE, openStage, topicOf, WeatherStation } from './stage.js'

interface Received {
  readonly payload: string
  readonly properties?: Readonly<Record<string, unknown>>
}

describeWith(
  ['mosquitto', 'mosquitto-clients', 'sqlite'],
  'mosquitto_sub and mosquitto_pub as the device',
  ({ mosquitto }) => {
    describe.each([5, 4] as const)('MQTT version %i', (protocolVersion) => {
      test('commands are answered, time out, are rejected, expire, wait, and are cancelled', async () => {
        const { url } = mosquitto()
        await using stage = await openStage({ url, protocolVersion })
        const { hub } = stage
        const { commands } = hub
        const say = (channel: string, value: unknown, more?: readonly string[]) =>
          publish(url, protocolVersion, topicOf(channel), JSON.stringify(value), more)

        const queued = await commands.send(
          WeatherStation,
          DEVICE,
          'set_interval',
          { interval: 5 },
          { timeout: 60 },
        )
        expect((await queued.get()).state).toBe('queued')
        await using device = subscribe(url, protocolVersion, topicOf('cmd'))
        const next = async (count: number) => {
          await waitUntil(`${count} commands`, () => device.lines.length >= count)
          const message = JSON.parse(device.lines[count - 1] ?? '') as Received
          return { message, content: JSON.parse(message.payload) as Record<string, unknown> }
        }
        await say('status', { status: 'online' })
        const first = await next(1)
        expect(first.content).toEqual({
          command: 'set_interval',
          payload: { interval: 5 },
          id: queued.id,
          expires_at: expect.any(String),
        })
        if (protocolVersion === 5) {
          const properties = JSON.stringify(first.message)
          expect(properties).toContain(topicOf('response'))
          expect(properties).toContain(queued.id)
        }
        await say('response', { id: queued.id, status: 'accepted' })
        await waitUntil('accepted', async () => (await queued.get()).state === 'accepted')
        await say('response', { id: queued.id, status: 'succeeded', result: { interval: 5, previous: 9 } })
        expect(await queued.result()).toEqual({ interval: 5, previous: 9 })

        const silent = await commands.send(WeatherStation, DEVICE, 'reboot', undefined, { timeout: 0.3 })
        await expect(silent.result()).rejects.toMatchObject({ code: 'command_timed_out' })
        await say('response', { id: silent.id, status: 'succeeded' })
        await waitUntil('the late reply', async () => {
          const { items } = await hub.messages.list(WeatherStation, { channel: 'response' })
          return items.some(({ flags }) => flags === 'late_reply')
        })
        expect((await silent.get()).state).toBe('timed_out')

        const refused = await commands.send(WeatherStation, DEVICE, 'reboot', undefined, { timeout: 60 })
        await next(3)
        if (protocolVersion === 5)
          await say('response', { status: 'rejected', error: 'busy' }, [
            '-D',
            'publish',
            'correlation-data',
            refused.id,
          ])
        else await say('response', { id: refused.id, status: 'rejected', error: 'busy' })
        await expect(refused.result()).rejects.toMatchObject({
          code: 'command_rejected',
          details: { reason: 'busy' },
        })

        const bad = await commands.send(
          WeatherStation,
          DEVICE,
          'set_interval',
          { interval: 6 },
          { timeout: 60 },
        )
        await say('response', { id: bad.id, status: 'succeeded', result: { interval: 'six' } })
        await expect(bad.result()).rejects.toMatchObject({ code: 'command_failed' })

        // Away with its session: the broker has it offline by nobody's word, the hub by its own.
        await say('status', { status: 'offline' })
        await waitUntil(
          'offline',
          async () => (await hub.devices.get(WeatherStation, DEVICE))?.status === 'offline',
        )
        const expired = await commands.send(WeatherStation, DEVICE, 'reboot', undefined, { expiresIn: 0.2 })
        await expect(expired.result()).rejects.toMatchObject({ code: 'command_expired' })
        const waiting = []
        for (const interval of [1, 2, 3])
          waiting.push(
            await commands.send(WeatherStation, DEVICE, 'set_interval', { interval }, { timeout: 60 }),
          )
        const cancelled = await commands.send(WeatherStation, DEVICE, 'reboot')
        expect(await cancelled.cancel('no need')).toBe(true)
        const before = device.lines.length
        await say('status', { status: 'online' })
        await next(before + 3)
        const order = device.lines
          .slice(before)
          .map((line) => JSON.parse((JSON.parse(line) as Received).payload).id)
        expect(order).toEqual(waiting.map(({ id }) => id))
        for (const [index, { id }] of waiting.entries())
          await say('response', { id, status: 'succeeded', result: { interval: index + 1, previous: 1 } })
        for (const [index, one] of waiting.entries())
          expect(await one.result()).toMatchObject({ interval: index + 1 })
        expect(device.lines).toHaveLength(before + 3)
      })
    })
  },
)
