import { describe, expect, test } from 'vitest'
import { command, defineDeviceType, isDeviceHubError } from '../index.js'
import { online, Station, send, until, world } from './testing/command-world.js'

describe('waiting for the end of a command', () => {
  test('has a limit of its own: the command stands, and can be waited for again', async () => {
    const of = world()
    await of.hub.devices.create(Station, { deviceId: 'a' })
    const sent = await of.hub.commands.send(Station, 'a', 'reboot', undefined, { timeout: 2 })
    for (const waiting of [sent.result({ timeout: 0.01 }), of.hub.commands.wait(sent.id, { timeout: 0.01 })])
      await expect(waiting).rejects.toMatchObject({
        code: 'command_pending',
        details: { id: sent.id, command: 'reboot', deviceId: 'a' },
      })
    expect((await sent.get()).state).toBe('queued')

    const result = sent.result({ timeout: 60 })
    await online(of, 'a')
    await until('the publication', () => of.published.length === 1)
    await send(of, 'a', 'response', { id: sent.id, status: 'succeeded', result: 1 })
    expect(await result).toBe(1)
    expect(await sent.result({ timeout: 0.001 })).toBe(1)
  })

  test('ends with the reason of the signal, whichever comes first', async () => {
    const of = world()
    await of.hub.devices.create(Station, { deviceId: 'a' })
    const sent = await of.hub.commands.send(Station, 'a', 'reboot')
    const stop = new AbortController()
    const waiting = sent.result({ timeout: 60, signal: stop.signal })
    stop.abort(new Error('enough'))
    await expect(waiting).rejects.toThrow('enough')
    await expect(sent.result({ timeout: 60, signal: stop.signal })).rejects.toThrow('enough')
    await expect(sent.result({ timeout: 0.01, signal: new AbortController().signal })).rejects.toMatchObject({
      code: 'command_pending',
    })
  })

  test.each([[0], [-1], ['5'], [Number.NaN], [3_000_000], [null]])(
    'refuses a timeout of %s',
    async (timeout) => {
      const of = world()
      await of.hub.devices.create(Station, { deviceId: 'a' })
      const sent = await of.hub.commands.send(Station, 'a', 'reboot')
      for (const waiting of [
        sent.result({ timeout } as never),
        of.hub.commands.wait(sent.id, { timeout } as never),
        sent.result({ timeOut: 5 } as never),
      ])
        await expect(waiting).rejects.toSatisfy((error) => isDeviceHubError(error, 'invalid_options'))
    },
  )
})

describe('the policy of a type for devices that are not connected', () => {
  const Base = defineDeviceType('base', { abstract: true, onOffline: 'fail', commands: { stop: command() } })
  const Door = defineDeviceType('door', { extends: Base })
  const Bell = defineDeviceType('bell', { extends: Base, onOffline: 'send' })

  test('counts where the caller names none', async () => {
    const of = world(undefined, { types: [Door, Bell] })
    await of.hub.devices.create(Door, { deviceId: 'a' })
    await of.hub.devices.create(Bell, { deviceId: 'b' })
    await expect(of.hub.commands.send(Door, 'a', 'stop')).rejects.toMatchObject({ code: 'device_offline' })
    const many = await of.hub.commands.sendMany(Door, { deviceIds: ['a'] }, 'stop')
    expect(many.counts).toMatchObject({ refused: 1, waiting: 0 })
    const queued = await of.hub.commands.send(Door, 'a', 'stop', undefined, { onOffline: 'queue' })
    expect(await queued.get()).toMatchObject({ state: 'queued', onOffline: 'queue' })
    await of.hub.commands.send(Bell, 'b', 'stop')
    await until('the publication', () => of.published.length === 1)
  })

  test('is one of three words', () => {
    expect(() => defineDeviceType('x', { onOffline: 'wait' as never })).toThrow(
      expect.objectContaining({ code: 'invalid_definition' }),
    )
  })
})
